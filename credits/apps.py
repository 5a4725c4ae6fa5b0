from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"

    def ready(self) -> None:
        from django.urls import reverse

        from accounts.constants import AREA_APPROVERS, AREA_OFFICERS, Role
        from carbon_portal.kernel import approvals, worklist
        from methodologies.selectors import count_records_by

        from . import statement
        from .monitoring import worklist as running
        from .selectors import origins, usage
        from .services import recomputation, rewards
        from .simulation import worklist as ended
        from .verification import worklist as verifying

        origins.register(statement.record_origins)
        origins.register(statement.reward_origins)
        count_records_by(usage.records_of_versions)
        approvals.register(
            approvals.Kind(
                code=recomputation.KIND,
                title_zh="按修订后的方法学重算",
                title_en="Recomputation under a revised method",
                initiators=frozenset({Role.PROVINCE_OFFICER}),
                deciders=frozenset({Role.PROVINCE_APPROVER}),
                content=recomputation.content_of_subject,
                url=lambda subject: reverse("credits:recomputation", args=[subject.partition(":")[2]]),
            )
        )
        approvals.register(
            approvals.Kind(
                code=rewards.KIND,
                title_zh="奖励被采纳的建议",
                title_en="Reward for an adopted proposal",
                initiators=frozenset(AREA_OFFICERS),
                deciders=frozenset(AREA_APPROVERS),
                content=lambda subject: rewards.content_of(rewards.of_subject(subject)),
                url=lambda subject: reverse("credits:reward", args=[rewards.of_subject(subject).proposal.number]),
            )
        )
        worklist.register(ended.ended_simulations)
        worklist.register(verifying.open_verifications)
        worklist.register(running.jumping_versions)
