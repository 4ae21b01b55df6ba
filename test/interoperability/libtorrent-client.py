"""One torrent in a libtorrent 2 session, steered by a JSON object as the only argument (see libtorrent.ts for the
fields). Prints what happens as JSON lines; ends when its standard input does, or is killed."""
import json, os, select, sys
import libtorrent as lt

POLL_SECONDS = 0.02


def say(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def session_settings(job):
    categories = lt.alert.category_t
    return {
        "listen_interfaces": ",".join(job["listen"]),
        "enable_dht": job["dht"],
        "dht_bootstrap_nodes": ",".join(job["dhtNodes"]),
        # Closed networks are small: all nodes may share a subnet.
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_prefer_verified_node_ids": False,
        "enable_lsd": job["lsd"],
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": job["utp"],
        "enable_incoming_utp": job["utp"],
        # All peers of a test may share an address, and come and go within seconds.
        "allow_multiple_connections_per_ip": True,
        "min_reconnect_time": 1,
        # No tracker and no web server of a test is to be refused for where it lives.
        "ssrf_mitigation": False,
        "alert_mask": categories.error_notification
        | categories.tracker_notification
        | categories.status_notification
        | categories.peer_notification
        | categories.connect_notification,
        **job["settings"],
    }


def torrent_parameters(job):
    if job["torrent"].startswith("magnet:"):
        parameters = lt.parse_magnet_uri(job["torrent"])
    else:
        parameters = lt.add_torrent_params()
        parameters.ti = lt.torrent_info(job["torrent"])
    parameters.save_path = job["folder"]
    flags = lt.torrent_flags
    parameters.flags &= ~(flags.auto_managed | flags.paused)
    for name, wanted in (
        ("seed_mode", job["trust"]),
        ("super_seeding", job["superSeeding"]),
        ("sequential_download", job["sequential"]),
        ("disable_pex", not job["pex"]),
        ("disable_lsd", not job["lsd"]),
        ("disable_dht", not job["dht"]),
    ):
        flag = getattr(flags, name)
        parameters.flags = parameters.flags | flag if wanted else parameters.flags & ~flag
    return parameters


def tell_alert(alert):
    if isinstance(alert, lt.listen_succeeded_alert):
        say("listening", address=str(alert.address), port=alert.port, socket=str(alert.socket_type))
    elif isinstance(alert, lt.tracker_reply_alert):
        say("announced", url=alert.url, peers=alert.num_peers)
    elif isinstance(alert, lt.metadata_received_alert):
        say("metadata")
    elif isinstance(alert, (lt.torrent_error_alert, lt.file_error_alert, lt.hash_failed_alert, lt.listen_failed_alert)):
        say("error", message=alert.message())
    else:
        say("alert", kind=alert.what(), message=alert.message())


def known_peers(handle):
    """Who it is connected to, how it learned of them, and how many pieces they say that they have."""
    sources = ("tracker", "dht", "pex", "lsd", "resume_data", "incoming")
    return [
        {
            "address": "%s:%d" % peer.ip,
            "client": peer.client.decode(errors="replace") if isinstance(peer.client, bytes) else peer.client,
            "sources": [name for name in sources if peer.source & getattr(lt.peer_info, name, 0)],
            "pieces": peer.num_pieces,
            "web": peer.connection_type != lt.peer_info.standard_bittorrent,
        }
        for peer in handle.get_peer_info()
    ]


def run(job):
    session = lt.session(session_settings(job))
    handle = session.add_torrent(torrent_parameters(job))
    for address in job["connect"]:
        host, port = address.rsplit(":", 1)
        handle.connect_peer((host.strip("[]"), int(port)))
    told = None
    peers = {}
    while not select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
        for alert in session.pop_alerts():
            tell_alert(alert)
        for peer in known_peers(handle):
            if peers.get(peer["address"]) != peer:
                peers[peer["address"]] = peer
                say("peer", **peer)
        status = handle.status()
        now = (str(status.state), status.total_wanted_done, status.is_seeding)
        if now != told:
            told = now
            say("state", state=now[0], doneBytes=now[1], isSeeding=now[2])
    handle.flush_cache()


if __name__ == "__main__":
    run(json.loads(sys.argv[1]))
    # Without the session's goodbyes, which may take seconds.
    os._exit(0)
