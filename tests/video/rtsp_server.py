#!/usr/bin/env python3
"""Plays a clip once to one RTSP client on this machine, as a camera does: RTP packets by ffmpeg, in the client's own connection.

usage: rtsp_server.py CLIP PORT_FILE      writes the port that it listens at; ends when the clip has been played
"""

import os
import re
import socket
import subprocess
import sys
import threading


def description(clip):
    """The clip as SDP, with a name for its one stream."""
    sdp = "stream.sdp"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", clip, "-an", "-c:v", "copy", "-frames:v", "1", "-f", "rtp", "-sdp_file",
                    sdp, "rtp://127.0.0.1:9"], check=True)
    with open(sdp) as file:
        lines = [line for line in file.read().split("\n") if line and not line.startswith("SDP:")]
    lines = [re.sub(r"^m=video \d+", "m=video 0", line) for line in lines]
    return "\r\n".join(lines + ["a=control:streamid=0", ""])


def play(clip, client, send):
    """Every packet that ffmpeg sends at the clip's own pace, to the client."""
    inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inbox.bind(("127.0.0.1", 0))
    inbox.settimeout(0.2)
    port = inbox.getsockname()[1]
    camera = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", "-re", "-i", clip, "-an", "-c:v", "copy", "-f", "rtp",
                               f"rtp://127.0.0.1:{port}?rtcpport=9"])
    try:
        while True:
            try:
                packet = inbox.recv(65536)
            except TimeoutError:
                if camera.poll() is not None:
                    break
                continue
            with send:
                client.sendall(b"$\0" + len(packet).to_bytes(2, "big") + packet)
    except OSError:  # the client has gone
        camera.kill()
    camera.wait()
    client.shutdown(socket.SHUT_RDWR)


def main(clip, port_file):
    sdp = description(clip)
    listener = socket.create_server(("127.0.0.1", 0))
    with open(port_file + ".new", "w") as file:
        file.write(str(listener.getsockname()[1]))
    os.rename(port_file + ".new", port_file)
    listener.settimeout(60)
    client, _ = listener.accept()
    send = threading.Lock()
    player = None
    requests = client.makefile("rb")
    while True:
        try:
            first = requests.readline()
        except OSError:
            break
        if not first:
            break
        if first.startswith(b"$"):  # a report of the client's, which nobody reads
            continue
        head = {}
        while line := requests.readline().strip():
            key, _, value = line.decode().partition(":")
            head[key.lower()] = value.strip()
        method = first.split()[0].decode()
        more, body = "", ""
        if method == "OPTIONS":
            more = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
        elif method == "DESCRIBE":
            body = sdp
            more = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            more = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
        with send:
            client.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {head.get('cseq', '0')}\r\n{more}\r\n{body}".encode())
        if method == "PLAY" and player is None:
            player = threading.Thread(target=play, args=(clip, client, send))
            player.start()
        if method == "TEARDOWN":
            break
    if player is not None:
        player.join()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
