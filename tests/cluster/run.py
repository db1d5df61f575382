#!/usr/bin/env python3
"""Collections on real schedulers: a Slurm cluster of this one machine (slurmctld, slurmd, munged, started here for the
test and ended by it) runs an array of two tasks; mpirun runs two ranks. What the parts wrote, merged, is what one run
writes, byte for byte.

usage: run.py SAN      exit code 77: neither is installed, or none may be started here
"""

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib

CLASSES = "cat, sofa|couch, wall"
PICTURES = 5


def png(path, height, width, seed):
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in ((x * 3 + seed * 50) % 256, y * 4 % 256, (x // 16 + y // 16) % 2 * 200))
                    for y in range(height))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class Work:
    """A folder with pictures, a list of them and a labelled data set."""

    def __init__(self, san, folder):
        self.san, self.folder = san, folder
        os.makedirs(folder + "/data/images")
        os.makedirs(folder + "/data/labels")
        with open(folder + "/list.txt", "w") as names:
            for i in range(PICTURES):
                png(f"{folder}/data/images/p{i}.png", 32, 40 + i, i)
                names.write(f"data/images/p{i}.png\n")
        # Any labels will do: what is compared is what two ways of counting make of them.
        self.segment("--list", "list.txt", "--save", "labels,coco", "--output", "truth")
        for i in range(PICTURES):
            shutil.copy(f"{folder}/truth/data/images/p{i}.png.labels.png", f"{folder}/data/labels/p{i}.png")
        self.command_line = ["--list", "list.txt", "--classes", CLASSES, "--save", "labels,coco", *self.common()]

    def common(self):
        return ["--model", "formula:tiny", "--quiet", "--threads", "1"]

    def run(self, command, **more):
        done = subprocess.run(command, cwd=self.folder, text=True, capture_output=True, timeout=600,
                              env={**os.environ, "SAN_CACHE_DIR": self.folder + "/cache"}, **more)
        assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def segment(self, *arguments):
        return self.run([self.san, "segment", *arguments, "--classes", CLASSES, *self.common()])

    def evaluate(self, *arguments):
        return self.run([self.san, "evaluate", *arguments])

    def evaluation(self):
        return ["--images", "data/images", "--labels", "data/labels", "--classes", CLASSES, "--short-side", "48", *self.common()]

    def single(self):
        self.segment("--list", "list.txt", "--save", "labels,coco", "--output", "single")
        self.evaluate(*self.evaluation(), "--output", "single-scores")

    def check(self, parts, scores, name):
        """The parts in one folder, and the evaluations in two, give what one run gave."""
        self.run([self.san, "segment", "--merge", parts, "--output", parts])
        for file in ["manifest.jsonl", "coco.json", *(f"data/images/p{i}.png.labels.png" for i in range(PICTURES))]:
            with open(f"{self.folder}/{parts}/{file}", "rb") as a, open(f"{self.folder}/single/{file}", "rb") as b:
                assert a.read() == b.read(), f"{name}: {file} differs from that of a single run"
        self.evaluate("--merge", *scores, "--output", parts + "-scores")
        merged, single = (json.load(open(f"{self.folder}/{s}/report.json")) for s in (parts + "-scores", "single-scores"))
        assert merged["results"] == single["results"], f"{name}: the merged report differs from that of a single run"
        print(f"{name}: manifest, COCO, labels and report are those of a single run")


def with_mpirun(work):
    mpirun = shutil.which("mpirun")
    if not mpirun:
        print("skipped: mpirun is missing (Debian: openmpi-bin)")
        return False
    base = [mpirun, "--allow-run-as-root", "--oversubscribe", "-np", "2"]
    work.run([*base, work.san, "segment", *work.command_line, "--shard", "auto", "--output", "mpi"])
    script = ' '.join(f"'{a}'" for a in [work.san, "evaluate", *work.evaluation(), "--shard", "auto", "--output"])
    work.run([*base, "sh", "-c", script + " mpi-part$OMPI_COMM_WORLD_RANK"])
    work.check("mpi", ["mpi-part0", "mpi-part1"], "mpirun, two ranks")
    return True


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """Slurm with one node, this machine, two processors of it, everything below one folder."""

    def __init__(self, folder):
        self.folder, self.processes = folder, []
        os.makedirs(folder, exist_ok=True)
        for name in ("state", "spool", "munge"):
            os.makedirs(f"{folder}/{name}", mode=0o755, exist_ok=True)
        host = socket.gethostname().split(".")[0]
        controller, node = free_ports(2)
        key = folder + "/munge/key"
        with open(key, "wb") as file:
            file.write(os.urandom(1024))
        os.chmod(key, 0o400)
        self.munge_socket = folder + "/munge/socket"
        self.conf = folder + "/slurm.conf"
        with open(self.conf, "w") as file:
            file.write(f"""ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={self.munge_socket}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
MpiDefault=none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
""")
        self.environment = {**os.environ, "SLURM_CONF": self.conf}

    def start(self):
        self.spawn(["munged", "--foreground", "--force", "--key-file", self.folder + "/munge/key", "--socket",
                    self.munge_socket, "--pid-file", self.folder + "/munge/pid", "--log-file", self.folder + "/munge/log",
                    "--seed-file", self.folder + "/munge/seed"])
        self.wait(lambda: os.path.exists(self.munge_socket), "munged")
        self.spawn(["slurmctld", "-D", "-c", "-f", self.conf])
        self.spawn(["slurmd", "-D", "-c", "-f", self.conf])
        self.wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"), "a node that is idle")

    def spawn(self, command):
        log = open(f"{self.folder}/{command[0]}.out", "w")
        self.processes.append(subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True))

    def ask(self, *command):
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True, timeout=120)
        return done.stdout + done.stderr

    def wait(self, done, what, seconds=120):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if done():
                return
            time.sleep(0.2)
        raise RuntimeError(f"no {what} within {seconds} s\n{self.logs()}")

    def logs(self):
        text = ""
        for name in ("munged.out", "slurmctld.log", "slurmctld.out", "slurmd.log", "slurmd.out"):
            if os.path.exists(f"{self.folder}/{name}"):
                text += f"--- {name}\n" + open(f"{self.folder}/{name}", errors="replace").read()[-3000:]
        return text

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def with_slurm(work):
    missing = [p for p in ("munged", "slurmctld", "slurmd", "sbatch") if not shutil.which(p)]
    if missing:
        print(f"skipped: {', '.join(missing)} missing (Debian: slurm-wlm, munge)")
        return False
    if os.geteuid() != 0:
        print("skipped: a Slurm of its own can be started by root alone")
        return False
    cluster = Cluster(work.folder + "/slurm")
    try:
        cluster.start()
        with open(work.folder + "/job.sh", "w") as file:
            quoted = " ".join(f"'{a}'" for a in work.command_line)
            scores = " ".join(f"'{a}'" for a in work.evaluation())
            file.write(f"""#!/bin/sh
export SAN_CACHE_DIR={work.folder}/cache
'{work.san}' segment {quoted} --shard auto --output slurm || exit
exec '{work.san}' evaluate {scores} --shard auto --output slurm-part$SLURM_ARRAY_TASK_ID
""")
        done = subprocess.run(["sbatch", "--wait", "--array=1-2", "--ntasks=1", "--output=job-%a.txt", "job.sh"],
                              cwd=work.folder, env=cluster.environment, text=True, capture_output=True, timeout=600)
        said = "".join(open(f"{work.folder}/job-{i}.txt").read() for i in (1, 2) if os.path.exists(f"{work.folder}/job-{i}.txt"))
        assert done.returncode == 0, f"sbatch: {done.stdout}{done.stderr}\n{said}\n{cluster.logs()}"
        work.check("slurm", ["slurm-part1", "slurm-part2"], "Slurm array of two tasks")
    finally:
        cluster.stop()
    return True


def main(san):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # munged wants folders that others may not write
        work = Work(san, folder)
        work.single()
        ran = [with_mpirun(work), with_slurm(work)]
        return 0 if any(ran) else 77


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1])))
