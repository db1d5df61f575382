"""Drives `san serve` on the loopback interface: one client against `san segment` on the same pictures, then four times
as many clients as it has places, for some minutes.

  bench/serve_load.py build/release/apps/san --minutes 10 [--model default] [--side 256]

Accepted requests must all be answered with the right labels, memory must not grow; the exit code says so. Times are of this
machine while nothing else runs: compare them with each other alone.
"""
import argparse
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

CLASSES = "cat, pizza, rocket, star|asterisk, mushroom, whale, snowman, scissors, sailboat, doughnut, night sky, sand, road"


class Service:
    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, "serve", "--port", "0", *arguments], stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline().rsplit(":", 1)[1])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def metrics(self):
        connection = self.connect()
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return {m.group(1): float(m.group(2)) for m in re.finditer(r"^([^#\s]\S*) (\S+)$", text, re.M)}

    def stop(self):
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        return code, time.monotonic() - began


def ask(connection, picture):
    boundary = "----------------san"
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n"
                    for name, content in (("image", picture), ("classes", CLASSES.encode()), ("output", b"labels")))
    connection.request("POST", "/v1/segment", body + f"--{boundary}--\r\n".encode(),
                       {"Content-Type": f"multipart/form-data; boundary={boundary}"})
    response = connection.getresponse()
    return response.status, response.read(), response.getheader("Retry-After")


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else float("nan")


def command_cost(command):
    """Seconds of a command by the clock, and of the processors."""
    before, began = os.times(), time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    took, after = time.monotonic() - began, os.times()
    return took, after.children_user + after.children_system - before.children_user - before.children_system


def one_client(program, folder, pictures, arguments, rounds=5):
    """Ratios of pictures per second, and of processor time per picture: `san segment` against the service with one client.
    In turn; the median of some rounds. Starting the command is taken off, by a run with one picture; the service keeps no
    features."""
    service = Service(program, "--cache-mb", "0", *arguments)
    names = sorted(os.listdir(folder))
    rest = ["--classes", CLASSES, "--save", "labels", "-q", "-o", folder + ".out", *arguments]
    speed, cost, rate = [], [], []
    for _ in range(rounds):
        connection = service.connect()  # an idle one would be closed while the command runs
        ask(connection, pictures[0])
        processor = service.metrics()["process_cpu_seconds_total"]
        began = time.monotonic()
        for picture in pictures[1:]:
            status, _, _ = ask(connection, picture)
            assert status == 200, status
        served = time.monotonic() - began
        processor = service.metrics()["process_cpu_seconds_total"] - processor
        connection.close()
        all_of, one = (command_cost([program, "segment", *paths, *rest]) for paths in ([folder], [os.path.join(folder, names[0])]))
        speed.append((all_of[0] - one[0]) / served)
        cost.append((all_of[1] - one[1]) / processor)
        rate.append((len(pictures) - 1) / served)
    service.stop()
    return sorted(speed)[rounds // 2], sorted(cost)[rounds // 2], sorted(rate)[rounds // 2]


class Load:
    def __init__(self, service, pictures, wanted, seconds):
        self.service, self.pictures, self.wanted = service, pictures, wanted
        self.end = time.monotonic() + seconds
        self.lock, self.times, self.rejected, self.failed, self.waited = threading.Lock(), [], 0, [], 0.0

    def client(self, number):
        connection, turn, used = self.service.connect(), number, time.monotonic()
        while time.monotonic() < self.end:
            turn += 1
            if time.monotonic() - used > 5:
                connection.close()  # before the service takes it for idle; the next request opens it again
            which = turn % len(self.pictures)
            began = time.monotonic()
            try:
                status, body, later = ask(connection, self.pictures[which])
            except (OSError, http.client.HTTPException) as problem:
                with self.lock:
                    self.failed.append(repr(problem))
                connection.close()
                connection = self.service.connect()
                continue
            used = time.monotonic()
            took = used - began
            with self.lock:
                if status == 200 and body == self.wanted[which]:
                    self.times.append(took)
                elif status == 503 and later:
                    self.rejected += 1
                else:
                    self.failed.append(f"status {status}")
            if status == 503:
                time.sleep(0.2)  # less than it was told: the load is to stay
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--model", default="default")
    parser.add_argument("--queue", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    program = os.path.abspath(options.program)
    source = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([program, "world", "render", "--output", os.path.join(work, "scenes"), "--pictures",
                        os.path.join(source, "configs/world/pack.pictures"), "--split", "unseen", "--count",
                        str(options.pictures), "--size", str(options.side)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder = os.path.join(work, "scenes/images")
        pictures = []
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as f:
                pictures.append(f.read())
        arguments = ["--model", options.model]
        speed, cost, rate = one_client(program, folder, pictures, arguments)
        print(f"one client, pictures of {options.side}²: {rate:.2f} pictures/s, {100 * speed:.1f} % of san segment's speed by the clock, "
              f"{100 * cost:.1f} % by processor time", flush=True)
        service = Service(program, "--cache-mb", "0", "--queue", str(options.queue), "--workers", str(options.workers), *arguments)
        connection = service.connect()
        wanted = [ask(connection, picture)[1] for picture in pictures]
        connection.close()
        clients = 4 * (options.queue + options.workers)
        load = Load(service, pictures, wanted, 60 * options.minutes)
        threads = [threading.Thread(target=load.client, args=(i,)) for i in range(clients)]
        for thread in threads:
            thread.start()
        memory = []
        while time.monotonic() < load.end:
            time.sleep(max(1.0, 60 * options.minutes / 60))
            memory.append(service.metrics()["process_resident_memory_bytes"])
        for thread in threads:
            thread.join()
        code, seconds = service.stop()
    settled = memory[len(memory) // 4:] or memory
    growth = settled[-1] / settled[0] - 1
    asked = len(load.times) + load.rejected + len(load.failed)
    print(f"{clients} clients for {options.minutes:g} min: {len(load.times)} answered, {load.rejected} told to come again "
          f"({100 * load.rejected / asked:.1f} %), {len(load.failed)} failed {sorted(set(load.failed))[:3]}")
    print(f"answered in p50 {quantile(load.times, .5):.2f} s, p95 {quantile(load.times, .95):.2f} s, p99 {quantile(load.times, .99):.2f} s; "
          f"{len(load.times) / (60 * options.minutes):.2f} pictures/s")
    print(f"memory {settled[0] / 2**20:.0f} MiB after a quarter of the time, {settled[-1] / 2**20:.0f} MiB at the end ({100 * growth:+.1f} %), "
          f"at most {max(memory) / 2**20:.0f} MiB; stopped in {seconds:.1f} s with code {code}")
    print(json.dumps({"processors": len(os.sched_getaffinity(0)), "load_average": os.getloadavg()}))
    return int(bool(load.failed) or growth > 0.05 or code != 0)


if __name__ == "__main__":
    sys.exit(main())
