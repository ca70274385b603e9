"""Why a callback never fires: endpoints on one topic that do not match, told once each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from convoy.hosts.dds.discovery import Endpoint
from convoy.hosts.dds.qos import refusals


class Mismatches:
    """Looks for endpoints of one participant that cannot talk to a peer on the same topic.

    Args:
        participant: the id of the participant whose endpoints are looked at.
    """

    def __init__(self, participant: bytes) -> None:
        self._participant = participant
        self._waiting: set[bytes] = set()
        self._told: set[tuple[bytes, bytes]] = set()

    def news(self, endpoints: Iterable[Endpoint]) -> Iterator[str]:
        """Return a line for each mismatch that was not there at the last call.

        A peer whose node is not known yet waits for the next call, so that the line can name it.
        """
        everybody = list(endpoints)
        own = [endpoint for endpoint in everybody if endpoint.participant == self._participant]
        peers = [peer for peer in everybody if peer.node or peer.gid in self._waiting]
        self._waiting = {peer.gid for peer in everybody if not peer.node}
        for endpoint in own:
            for peer in peers:
                if peer.topic != endpoint.topic or peer.kind == endpoint.kind or (endpoint.gid, peer.gid) in self._told:
                    continue
                if fault := _fault(endpoint, peer):
                    self._told.add((endpoint.gid, peer.gid))
                    yield (
                        f"{endpoint.topic}: the {endpoint.kind} of {endpoint.node} and the {peer.kind} of "
                        f"{peer.node or 'a peer without a name'} do not match ({fault})."
                    )


def _fault(endpoint: Endpoint, peer: Endpoint) -> str:
    publisher, subscription = (endpoint, peer) if endpoint.kind == "publisher" else (peer, endpoint)
    if publisher.type_name != subscription.type_name:
        faults = [f"type: offered {publisher.type_name}, requested {subscription.type_name}"]
    else:
        faults = refusals(publisher.qos, subscription.qos)
    if faults:
        return f"{'; '.join(faults)}; no message goes through"
    if peer.type_hash and peer.type_hash != endpoint.type_hash:
        return f"they were built with different definitions of {peer.type_name}; messages cannot be read"
    return ""
