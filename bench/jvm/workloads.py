"""The table of workloads: what runs, with which settings, in which heap."""

import os
from dataclasses import dataclass

from rss.row import Reading, Scenario

from . import build, jdks


MEDIUM_WAVES = 4


@dataclass(frozen=True)
class Workload:
    name: str
    title: str
    load: str                   # its name in Catalog.java
    settings: tuple             # NAME=VALUE
    quick: tuple = ()           # what a quick run has instead
    medium_ops: int = 0         # operations of a medium one, which is a quick one else
    heap_mb: int = 128
    is_telling: bool = False    # one of those that a quick run has
    needs: tuple = ()           # programs that Debian has in packages of their names
    story: str = ""             # what users reported of it
    timeout_s: float = 300
    limit_mb: int = 0           # of a memory cgroup that it runs in

    @property
    def is_priced(self):
        """Whether also short forms look for its smallest limit."""
        return self.is_telling or bool(self.story)

    def all_settings(self, form):
        merged = dict(pair.split("=", 1) for pair in self.settings)
        if form != "long":
            merged.update(pair.split("=", 1) for pair in self.quick)
        if form == "medium":
            merged.update(ops=str(self.medium_ops), waves=str(MEDIUM_WAVES))
        return [f"{name}={value}" for name, value in merged.items()]


WORKLOADS = (
    Workload(
        "netty_echo", "netty, pooled: bursts of connections that echo",
        "netty", ("protocol=echo", "pool=pooled", "threads=16", "ops=6000", "waves=6"),
        ("ops=2400", "waves=3"), medium_ops=3200),
    Workload(
        "netty_unpooled", "netty, unpooled: bursts of connections that echo",
        "netty", ("protocol=echo", "pool=unpooled", "threads=16", "ops=6000", "waves=6"),
        ("ops=2400", "waves=3"), medium_ops=3200),
    Workload(
        "netty_http", "netty, unpooled: bursts of HTTP requests answered by gzip",
        "netty", ("protocol=http", "pool=unpooled", "threads=16", "ops=2400", "waves=6"),
        ("ops=480", "waves=3", "warmup=80"), medium_ops=960),
    Workload(
        "netty_tls", "netty through BoringSSL: bursts of handshakes and echoes",
        "netty", ("protocol=tls", "pool=pooled", "threads=16", "ops=900", "waves=6"),
        ("ops=144", "waves=3", "warmup=32"), medium_ops=160),
    Workload(
        "tomcat", "Tomcat with 400 threads: bursts of requests answered by gzip",
        "web", ("server=tomcat", "threads=32", "ops=6000", "waves=6"),
        ("ops=768", "waves=3", "warmup=96"), medium_ops=1280, heap_mb=256),
    Workload(
        "jetty", "Jetty with 200 threads: bursts of requests answered by gzip",
        "web", ("server=jetty", "server_threads=200", "threads=32", "ops=6000", "waves=6"),
        ("ops=768", "waves=3", "warmup=96"), medium_ops=1280, heap_mb=256),
    Workload(
        "wrk", "Jetty with 200 threads: wrk on 64 connections, answered by gzip",
        "wrk", ("server=jetty", "server_threads=200", "threads=1", "ops=40000", "waves=6"),
        ("ops=2400", "waves=3", "warmup=300"), medium_ops=6400, heap_mb=256, needs=("wrk",)),
    Workload(
        "pushes", "netty-socketio: pushes to rooms of websockets",
        "pushes", ("threads=16", "ops=12000", "waves=6"), ("ops=1500", "waves=3", "warmup=160"),
        medium_ops=3200,
        story="websocket pushes"),
    Workload(
        "compress", "gzip, zstd and snappy on 200 threads, a third of the streams not closed",
        "compress", ("threads=200", "ops=120000", "waves=6"),
        ("ops=10000", "waves=3", "warmup=1000"), medium_ops=24000, is_telling=True,
        story="glibc's arenas under gzip"),
    Workload(
        "rocksdb", "RocksDB: 64 column families, flushes and compactions all the time",
        "rocks", ("threads=8", "ops=40000", "waves=6"), ("ops=6000", "waves=3", "warmup=400"),
        medium_ops=14000, is_telling=True),
    Workload(
        "grpc", "gRPC: bursts on streams in both directions, a quarter of which break",
        "grpc", ("threads=24", "ops=15000", "waves=6"), ("ops=2400", "waves=3", "warmup=300"),
        medium_ops=2400),
    Workload(
        "leaks", "netty's pool: chunks held by streams that are never ended",
        "leaks", ("threads=16", "ops=600000", "waves=6"), ("ops=120000", "waves=3"),
        medium_ops=400000,
        story="pooled chunks held by leaked streams"),
    Workload(
        "unsafe", "Unsafe.allocateMemory on 128 threads, 16 bytes to 512 KiB",
        "unsafe", ("threads=128", "ops=1200000", "waves=6"),
        ("ops=150000", "waves=3"), medium_ops=500000, is_telling=True,
        story="direct memory through Unsafe"),
    Workload(
        "direct", "Direct buffers on 64 threads, 4 KiB to 1 MiB, one in eight left to cleaners",
        "direct", ("threads=64", "ops=240000", "waves=6"), ("ops=60000", "waves=3"),
        medium_ops=240000),
    Workload(
        "rest", "Apache HttpAsyncClient: REST calls with bodies of up to 2 MiB",
        "rest", ("threads=24", "ops=6000", "waves=6"), ("ops=720", "waves=3", "warmup=72"),
        medium_ops=1920,
        heap_mb=384),
    Workload(
        "logs", "Logs written and packed in a cgroup of 288 MB that their page cache fills",
        "logs", ("threads=32", "ops=60000", "waves=6"), ("ops=4000", "waves=3"), medium_ops=4000,
        limit_mb=288, story="page cache of logs in a limited cgroup"),
    Workload(
        "lucene", "Lucene: indexing on mapped files, merges and searches beside it",
        "lucene", ("threads=8", "ops=24000", "waves=6"), ("ops=2400", "waves=3"),
        medium_ops=2400, heap_mb=192),
    Workload(
        "javac", "javac in the process: generated classes, compiled, loaded and made hot",
        "storm", ("language=java", "threads=4", "ops=1800", "waves=6"),
        ("ops=180", "waves=3", "warmup=20"), medium_ops=240, heap_mb=256),
    Workload(
        "groovy", "Groovy scripts: compiled, loaded and made hot",
        "storm", ("language=groovy", "calls=50", "threads=4", "ops=600", "waves=6"),
        ("ops=48", "waves=3", "warmup=8"), medium_ops=96, heap_mb=256),
    Workload(
        "classes", "200 classes at a time loaded and unloaded",
        "classes", ("threads=4", "ops=1200", "waves=6"), ("ops=150", "waves=3", "warmup=20"),
        medium_ops=450,
        heap_mb=192),
    Workload(
        "threads", "Threads that come, use native memory, and go",
        "threads", ("threads=16", "ops=30000", "waves=6"), ("ops=3000", "waves=3"),
        medium_ops=6000),
    Workload(
        "jni", "Native code on 100 threads, blocks with long-tailed lifetimes",
        "jni", ("threads=100", "ops=3000000", "waves=6"), ("ops=600000", "waves=3"),
        medium_ops=1200000),
)

FORMS = ("quick", "medium", "long")
REST_S = (1, 5, 30)
QUICK_REST_S = (1, 5)
# Those say themselves what they see.
ASIDE_READINGS = (Reading("after1", "rest", 1.0),)


def readings(form):
    after = [Reading(f"after{s}", "rest", float(s)) for s in
             (QUICK_REST_S if form == "quick" else REST_S)]
    return (Reading("begun", "start"), Reading("loaded", "result"), *after)


def command(workload, jdk, variant, form, built, folder):
    """The JVM's arguments, program first; `folder` is where it may write."""
    return [jdk.java, *jdks.options(jdk.major, workload.heap_mb), *variant.jvm_options,
            f"-Djava.library.path={built}", f"-Djava.io.tmpdir={folder}",
            "-cp", build.classpath(built), "Bench", workload.load,
            *workload.all_settings(form), *variant.settings,
            f"folder={os.path.join(folder, 'data')}"]


def scenario(workload, form, wanted=None):
    """As rss.child takes it; its command is made for each run."""
    return Scenario(workload.name, workload.title, command=None, columns=(),
                    readings=readings(form) if wanted is None else wanted,
                    timeout_s=workload.timeout_s)
