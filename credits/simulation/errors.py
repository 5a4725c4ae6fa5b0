"""Refusals of the simulator."""

from carbon_portal.kernel.errors import DomainError


class BadSimulation(DomainError):
    """What was asked for can't be simulated; the reason is in the sentence."""

    code = "bad_simulation"
    http_status = 400
    title = "不能试算"
    title_en = "Not simulated"
    zh = "{why} 没有开始试算，请改正后再试。"
    en = "{why_en} No simulation was started; correct it and try again."


class TooManySimulations(DomainError):
    """One person's simulations wait in line; more would only make everybody wait."""

    code = "too_many_simulations"
    http_status = 429
    title = "试算太多"
    title_en = "Too many simulations"
    zh = "您已有 {count} 个试算在排队或进行。请等它们完成，或先取消几个。"
    en = "You have {count} simulations queued or running. Wait for them, or cancel some first."


class SimulationOver(DomainError):
    """A finished simulation is a record of what was shown; it is neither cancelled nor run again."""

    code = "simulation_over"
    http_status = 409
    title = "试算已结束"
    title_en = "Simulation finished"
    zh = "这个试算已经结束，不能取消。没有改动。"
    en = "This simulation has ended and can't be cancelled. Nothing was changed."


class UnreadableRecords(DomainError):
    """The database sent rows of another width than asked for: some record holds a code that is no code."""

    code = "unreadable_records"
    http_status = 500
    title = "记录无法读取"
    title_en = "Records unreadable"
    zh = "有记录的地区代码不是六位数字，不能按列读取。请管理员用 verify 检查记录。"
    en = "Some record's region is no six-digit code, so the columns can't be read. An administrator should run verify."
