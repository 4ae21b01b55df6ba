"""One libtorrent peer: libtorrent-peer.py TORRENT FOLDER ADDRESS:PORT seed|part INDEX|download

seed believes that all data is there; part offers one file of the torrent, which it checks first; download ends when
everything is there. Limits and intervals are set as for a fast network.
"""

import sys
import time

import libtorrent

SETTINGS = {
    # Peers come from the tracker alone, over TCP.
    "enable_dht": False,
    "enable_lsd": False,
    "enable_natpmp": False,
    "enable_upnp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "allow_multiple_connections_per_ip": True,
    # Plain connections.
    "in_enc_policy": int(libtorrent.enc_policy.pe_disabled),
    "out_enc_policy": int(libtorrent.enc_policy.pe_disabled),
    # Many requests on their way, everybody served, large send buffers.
    "max_out_request_queue": 1500,
    "max_allowed_in_request_queue": 2000,
    "unchoke_slots_limit": -1,
    "send_buffer_watermark": 3 * 1024 * 1024,
    "send_buffer_watermark_factor": 150,
    "connection_speed": 500,
    "min_reconnect_time": 1,
    # As many threads as it takes on two cores.
    "aio_threads": 2,
    "hashing_threads": 1,
}
POLL_SECONDS = {"download": 0.02, "seed": 0.5, "part": 0.5}


def main(torrent, folder, listen, role, index="0"):
    session = libtorrent.session({**SETTINGS, "listen_interfaces": listen})
    params = libtorrent.add_torrent_params()
    params.ti = libtorrent.torrent_info(torrent)
    params.save_path = folder
    params.flags &= ~(libtorrent.torrent_flags.auto_managed | libtorrent.torrent_flags.paused)
    if role == "seed":
        params.flags |= libtorrent.torrent_flags.seed_mode
    if role == "part":
        params.file_priorities = [4 if file == int(index) else 0 for file in range(params.ti.num_files())]
    handle = session.add_torrent(params)
    while not (role == "download" and handle.status().is_seeding):
        time.sleep(POLL_SECONDS[role])


main(*sys.argv[1:])
