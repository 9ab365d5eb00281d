"""ScenarioService: installed packages and trusted publishers, between contract and use cases."""

from chassis.api import Call
from chassis.paging import page
from duokua.matters.v1 import matter_service_pb2
from duokua.matters.v1 import scenario_service_pb2 as pb
from services.matters.messages import bundle_message, change_message, installation_message, publisher_message
from services.matters.sent import overlay_sent, package_sent
from services.matters.trust import Trust
from services.matters.upgrades import Scenarios, Wanted


class ScenarioApi:
    """duokua.matters.v1.ScenarioService."""

    service = pb.DESCRIPTOR.services_by_name["ScenarioService"]

    def __init__(self, scenarios: Scenarios, trust: Trust) -> None:
        self._scenarios = scenarios
        self._trust = trust

    def upgrade_scenario(self, call: Call, request: pb.UpgradeScenarioRequest) -> pb.UpgradeScenarioResponse:
        """Installs another version of a package, or only says what would change."""
        wanted = Wanted(
            bundle_id=request.bundle_id,
            overlay=overlay_sent(request.overlay),
            allow_downgrade=request.allow_downgrade,
            check_only=request.check_only,
        )
        package = package_sent(request.package, request.files)
        done = self._scenarios.upgrade(call.work, package, wanted, call.caller.subject)
        return pb.UpgradeScenarioResponse(
            bundle=bundle_message(done.bundle) if done.bundle else None,
            installation=installation_message(done.after),
            before=installation_message(done.before),
            changes=[change_message(change) for change in done.changes],
        )

    def export_scenario(self, call: Call, request: pb.ExportScenarioRequest) -> pb.ExportScenarioResponse:
        """Gives an installed package and its overlay."""
        installation = self._scenarios.installation(call.work, request.bundle_id, request.bundle_version)
        overlay = installation.overlay_files() or {}
        return pb.ExportScenarioResponse(
            package=self._scenarios.archive(call.work, installation),
            overlay=[matter_service_pb2.ScenarioFile(path=path, content=text) for path, text in overlay.items()],
            installation=installation_message(installation),
        )

    def list_installations(self, call: Call, request: pb.ListInstallationsRequest) -> pb.ListInstallationsResponse:
        """Lists the newest installation of each bundle, or all of one."""
        if request.bundle_id:
            wanted = page(request.page_size, request.page_token, kind=int)
            before = int(wanted.after[0]) if wanted.after else None
            found = self._scenarios.of_bundle(call.work, request.bundle_id, before, wanted.fetch)
            kept, token = wanted.cut(found, key=lambda each: [each.number])
        else:
            wanted = page(request.page_size, request.page_token)
            found = self._scenarios.current(call.work, str(wanted.after[0]) if wanted.after else "", wanted.fetch)
            kept, token = wanted.cut(found, key=lambda each: [each.bundle_id])
        return pb.ListInstallationsResponse(
            installations=[installation_message(each) for each in kept], next_page_token=token
        )

    def trust_publisher(self, call: Call, request: pb.TrustPublisherRequest) -> pb.TrustPublisherResponse:
        """Trusts a publisher."""
        kept = self._trust.trust(call.work, request.public_key_pem, request.name, request.reason, call.caller.subject)
        return pb.TrustPublisherResponse(publisher=publisher_message(kept))

    def distrust_publisher(self, call: Call, request: pb.DistrustPublisherRequest) -> pb.DistrustPublisherResponse:
        """Ends the trust in a publisher."""
        kept = self._trust.distrust(call.work, request.key_id, request.reason, call.caller.subject)
        return pb.DistrustPublisherResponse(publisher=publisher_message(kept))

    def list_publishers(self, call: Call, request: pb.ListPublishersRequest) -> pb.ListPublishersResponse:
        """Lists the publishers that are trusted, or all that ever were."""
        wanted = page(request.page_size, request.page_token, keys=2)
        found = self._trust.publishers(call.work, wanted.after, wanted.fetch, everybody=request.all)
        kept, token = wanted.cut(found, key=lambda each: [each.name, each.trust_id])
        return pb.ListPublishersResponse(publishers=[publisher_message(each) for each in kept], next_page_token=token)
