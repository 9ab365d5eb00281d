"""The gRPC face of matters: contract to rules and back."""

from dataclasses import asdict

from chassis.api import Call, Servicer
from chassis.paging import page
from chassis.settings import Settings
from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters.catalogue.advising import advise
from services.matters.catalogue.api import CatalogueApi
from services.matters.messages import (
    bundle_message,
    fault_message,
    installation_message,
    matter_message,
    savings_message,
)
from services.matters.replacing import check_installing
from services.matters.scenario_api import ScenarioApi
from services.matters.sent import overlay_sent, package_sent
from services.matters.service import Matters, matters_of
from services.matters.trust import check_whole
from services.matters.upgrades import Scenarios


class MatterApi:
    """duokua.matters.v1.MatterService."""

    service = pb.DESCRIPTOR.services_by_name["MatterService"]

    def __init__(self, matters: Matters) -> None:
        self._matters = matters

    def install_scenario(self, call: Call, request: pb.InstallScenarioRequest) -> pb.InstallScenarioResponse:
        """Checks a package and publishes it."""
        package = package_sent(request.package, request.files)
        overlay = overlay_sent(request.overlay)
        readied = self._matters.ready(call.work, package, request.lead_organ_id, overlay)
        check_installing(call.work, readied)
        bundle, installation = self._matters.install(call.work, readied, call.caller.subject)
        return pb.InstallScenarioResponse(
            bundle=bundle_message(bundle),
            matters=[matter_message(matter) for matter in matters_of(bundle)],
            installation=installation_message(installation),
            advice=[pb.CatalogueAdvice(**asdict(each)) for each in advise(call.work, bundle.scenario)],
        )

    def check_scenario(self, call: Call, request: pb.CheckScenarioRequest) -> pb.CheckScenarioResponse:
        """Checks a package and changes nothing."""
        package = package_sent(request.package, request.files)
        check_whole(package)
        faults = self._matters.check(call.work, package.files, overlay_sent(request.overlay))
        return pb.CheckScenarioResponse(faults=[fault_message(fault) for fault in faults])

    def get_bundle(self, call: Call, request: pb.GetBundleRequest) -> pb.GetBundleResponse:
        """Gives a version of a bundle."""
        bundle = self._matters.bundle(call.work, request.bundle_id, request.version)
        return pb.GetBundleResponse(bundle=bundle_message(bundle))

    def list_bundles(self, call: Call, request: pb.ListBundlesRequest) -> pb.ListBundlesResponse:
        """Lists the newest version of each bundle."""
        wanted = page(request.page_size, request.page_token, largest=20)
        bundles = self._matters.bundles(call.work, wanted.after, wanted.fetch)
        bundles, token = wanted.cut(bundles, key=lambda bundle: [bundle.scenario.scenario_id])
        return pb.ListBundlesResponse(bundles=[bundle_message(bundle) for bundle in bundles], next_page_token=token)

    def get_savings(self, call: Call, request: pb.GetSavingsRequest) -> pb.GetSavingsResponse:
        """What a version of a bundle saves."""
        return savings_message(self._matters.bundle(call.work, request.bundle_id, request.version))

    def list_matters(self, call: Call, request: pb.ListMattersRequest) -> pb.ListMattersResponse:
        """Lists the matters that the newest bundles use."""
        wanted = page(request.page_size, request.page_token, keys=2)
        matters = self._matters.matters(call.work, wanted.after, wanted.fetch)
        matters, token = wanted.cut(matters, key=lambda found: [found.matter.catalog_code, found.scenario_id])
        return pb.ListMattersResponse(matters=[matter_message(matter) for matter in matters], next_page_token=token)


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    matters = Matters.from_settings(settings)
    return [MatterApi(matters), ScenarioApi(Scenarios(matters), matters.trust), CatalogueApi()]
