"""What drafting refuses; each sentence says what to do. Nothing was written, unless the sentence says so."""

from carbon_portal.kernel.errors import DomainError


class DraftError(DomainError):
    """Base of the refusals of drafting."""

    http_status = 409
    title = "草案没有保存"
    title_en = "The draft was not saved"


class DraftChanged(DraftError):
    """Somebody saved in between. Data: seen, now (numbers of edits)."""

    code = "draft_changed"
    title = "草案已被别人改动"
    title_en = "The draft has been changed by somebody else"
    zh = "您打开的是第 {seen} 次保存，现在已是第 {now} 次。您的文字没有丢：请对照两份文字，再决定保留哪一份。"
    en = "You opened save {seen}; the draft is at save {now} now. Nothing is lost: compare both texts and choose."


class DraftIsAway(DraftError):
    """It lies with the province, or is closed."""

    code = "draft_is_away"
    zh = "草案已报送，现在不能修改。如需修改，请联系省级受理人退回。"
    en = "The draft has been forwarded and can't be changed now. Ask the province to return it first."


class DraftTooLarge(DraftError):
    """A text beyond what a document may have. Data: size, limit (bytes)."""

    code = "draft_too_large"
    http_status = 413
    zh = "文字有 {size} 字节，上限 {limit} 字节（256 KiB），没有保存。请删减后再保存。"
    en = "The text has {size} bytes; the limit is {limit} (256 KiB). It was not saved: shorten it and save again."


class DraftHasNul(DraftError):
    """Signs that no text has."""

    code = "draft_has_nul"
    http_status = 400
    zh = "文字里有不可见的空字符（NUL），没有保存。请从纯文本重新粘贴。"
    en = "The text holds a NUL character and was not saved. Paste it again from plain text."


class DraftUnreadable(DraftError):
    """The parts of a text that is no document can't be shown or changed one by one."""

    code = "draft_unreadable"
    zh = "全文现在不是有效的 YAML，不能按部分修改。请先在“全文（YAML）”里改正。"
    en = "The text is not valid YAML now, so its parts can't be edited one by one. Correct the whole text first."


class RowNameTaken(DraftError):
    """Two rows of one name. Data: name."""

    code = "row_name_taken"
    zh = "已经有一行叫“{name}”，没有改名，也没有保存。请换一个名字。"
    en = "Another row is called {name!r} already. Nothing was renamed or saved: choose another name."


class DraftIncomplete(DraftError):
    """The gate of submission (methodology-format, section 9). Data: count, first, first_en, findings."""

    code = "draft_incomplete"
    title = "还不能报送"
    title_en = "Not ready to be forwarded"
    zh = "还有 {count} 处要补正，不能报送。第一处：{first}"
    en = "{count} things stand in the way of forwarding. The first: {first_en}"


class NothingToForward(DraftError):
    """It has been forwarded, or nobody asked."""

    code = "nothing_to_forward"
    title = "没有办理"
    title_en = "Not done"
    zh = "这份草案现在没有等待审定的报送申请。可能已有人办理，请刷新页面再看。"
    en = "No request to forward this draft is open now. Somebody may have dealt with it: reload the page."


class AlreadyAsked(DraftError):
    """Asked twice."""

    code = "already_asked"
    title = "已经提交"
    title_en = "Asked already"
    zh = "报送申请已经提交，正在等待审定，不用再提交。"
    en = "The request to forward this draft is open already; wait for the decision."


class VersionTaken(DraftError):
    """The number belongs to another document. Data: code, version."""

    code = "version_taken"
    title = "还不能报送"
    title_en = "Not ready to be forwarded"
    zh = "{code_name} 第 {version} 版已经有了，属于另一份文件。请改用新的版本号。"
    en = "{code_name} has a version {version} already, which is another document. Choose a new version."


class ProposalNotAdopted(DraftError):
    """A draft begins from a proposal that was adopted. Data: number."""

    code = "proposal_not_adopted"
    title = "没有开始起草"
    title_en = "No draft was begun"
    zh = "没有编号为 {number} 的已采纳建议。请核对编号，或不填编号直接起草。"
    en = "No adopted proposal has the number {number}. Check the number, or begin without one."
