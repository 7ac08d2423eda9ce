"""What it takes to answer or learn from 10^6 … 10^10 images: time, cores, money, and what holds it up.

A model, not a measurement: rates are measured here (`--measured` reads what bench/bulk.py kept), everything about a
cluster is an assumption, stated in `Cluster` with its source. Each resource gets the seconds that it alone would need;
the slowest decides, stragglers and failures are simulated on top. docs/scaling.md tells how to read it.

usage: python bench/cost_model.py [--measured bench/bulk.json] [--hours 1]
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Rates:
    """Measured on one core of this machine, on JPEG images of 32 × 32 and the plan of a minute (docs/scaling.md).

    Attributes:
        images_per_second: of one thread, without Ray: read, decode and answer.
        jpeg_bytes: of an image as it is stored.
        answer_bytes: of a row of Parquet.
        start_seconds: until the first image is answered.
        train_images_per_second: of one core, half of what two reach with 64/192/320.
        parameters: of the network that is trained.
    """

    images_per_second: float = 1500.0
    jpeg_bytes: float = 1100.0
    answer_bytes: float = 40.0
    start_seconds: float = 7.0
    train_images_per_second: float = 590.0
    parameters: float = 2.1e6


@dataclass(frozen=True)
class Cluster:
    """Assumed.

    Attributes:
        core_hour: dollars; a virtual core of the large clouds on demand costs 0.04 to 0.05 with its memory.
        machine_cores: of one machine.
        machine_bandwidth: bytes/s of its network; 10 Gbit/s.
        latency: seconds to the first byte of an object; S3's own guide says 100 to 200 ms for small objects.
        in_flight: requests that a core keeps under way.
        names_per_listing: S3 lists at most 1,000 names a request, one after the other within a prefix.
        listing_seconds: of one such request.
        prefixes: listed side by side.
        get_price: dollars a request; S3 asks 0.0004 for a thousand.
        images_per_task: what Ray Data hands to a worker at a time.
        tasks_per_second: that one driver starts; Ray's own limits page says thousands, with data attached fewer.
        packed_images: in one file of Parquet or a tar.
        straggler_share: of tasks that take `straggler_factor` times as long (shared disks, noisy neighbours).
        straggler_factor: see there.
        failures_per_core_hour: of workers, spot machines included.
        restart_seconds: until a lost worker answers again.
    """

    core_hour: float = 0.045
    machine_cores: int = 16
    machine_bandwidth: float = 10e9 / 8
    latency: float = 0.1
    in_flight: int = 16
    names_per_listing: int = 1000
    listing_seconds: float = 0.1
    prefixes: int = 16
    get_price: float = 4e-7
    images_per_task: int = 2048
    tasks_per_second: float = 500.0
    packed_images: int = 100_000
    straggler_share: float = 0.02
    straggler_factor: float = 4.0
    failures_per_core_hour: float = 0.01
    restart_seconds: float = 30.0


@dataclass(frozen=True)
class Bill:
    """What one job takes.

    Attributes:
        seconds: from start to end.
        dollars: cores and requests.
        by_resource: seconds that each resource alone would need.
    """

    seconds: float
    dollars: float
    by_resource: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """What the others wait for."""
        return max(self.by_resource, key=lambda name: self.by_resource[name])


def answering(images: float, cores: int, rates: Rates, cluster: Cluster, *, packed: bool) -> Bill:
    """Answer `images` on `cores`, stored one a file, or `packed` into Parquet or tar files."""
    machines = math.ceil(cores / cluster.machine_cores)
    objects = images / cluster.packed_images if packed else images
    tasks = images / cluster.images_per_task
    by_resource = {
        "compute": images / (rates.images_per_second * cores),
        "network": images * (rates.jpeg_bytes + rates.answer_bytes) / (cluster.machine_bandwidth * machines),
        "small files": objects * cluster.latency / (cluster.in_flight * cores),
        "listing": objects / cluster.names_per_listing * cluster.listing_seconds / cluster.prefixes,
        "driver": tasks / cluster.tasks_per_second,
    }
    slowest = max(by_resource.values())
    stretch = simulated(cores, tasks, slowest, cluster) / slowest
    seconds = rates.start_seconds + slowest * stretch
    dollars = cores * seconds / 3600 * cluster.core_hour + objects * cluster.get_price
    return Bill(seconds, dollars, by_resource)


def training(images: float, epochs: float, cores: int, rates: Rates, cluster: Cluster, *, batch: int = 4096) -> Bill:
    """Learn `epochs` times from `images` on `cores`, in global batches of `batch`, one process a machine.

    Gradients go round in a ring, which moves 2 (n - 1) / n times their bytes over each of n links (Patarasuk and Yuan,
    2009).
    """
    machines = math.ceil(cores / cluster.machine_cores)
    steps = epochs * images / batch
    exchanged = 2 * (machines - 1) / machines * 4 * rates.parameters
    by_resource = {
        "compute": epochs * images / (rates.train_images_per_second * cores),
        "exchange": steps * exchanged / cluster.machine_bandwidth,
    }
    seconds = rates.start_seconds + sum(by_resource.values())
    return Bill(seconds, cores * seconds / 3600 * cluster.core_hour, by_resource)


def simulated(cores: int, tasks: float, ideal: float, cluster: Cluster, *, seed: int = 0, most: int = 40_000) -> float:
    """Seconds until the last of `tasks` ends that without mishaps would take `ideal` on `cores`.

    Tasks go to whichever core is free; some straggle, and a core that fails begins its task anew after a restart. Of
    more than `most` tasks or cores only as many are drawn: the same work a core, in coarser tasks. Own code: a heap and
    twenty lines, where a simulation library would bring a language of its own.
    """
    shrink = max(1.0, tasks / most)
    drawn, workers = max(1, round(tasks / shrink)), max(1, min(cores, round(cores / shrink)))
    seconds_a_task = ideal * workers / drawn
    random = np.random.default_rng(seed)
    lengths = np.full(drawn, seconds_a_task)
    lengths[random.random(drawn) < cluster.straggler_share] *= cluster.straggler_factor
    chance = 1 - np.exp(-cluster.failures_per_core_hour * lengths / 3600)
    lost = random.random(drawn) < chance
    lengths[lost] += lengths[lost] * random.random(int(lost.sum())) + cluster.restart_seconds
    free = [0.0] * workers
    for length in lengths:
        heapq.heappush(free, heapq.heappop(free) + float(length))
    return max(free)


def cores_for(images: float, hours: float, rates: Rates, cluster: Cluster, *, packed: bool) -> int:
    """The smallest power of two of cores that answers in `hours`, or where more cores no longer help."""
    cores = 1
    while cores < 65_536 and answering(images, cores, rates, cluster, packed=packed).seconds > hours * 3600:
        more = answering(images, 2 * cores, rates, cluster, packed=packed)
        if more.seconds > 0.9 * answering(images, cores, rates, cluster, packed=packed).seconds:
            break
        cores *= 2
    return cores


def read_measured(path: Path | None) -> tuple[Rates, dict[str, float]]:
    """The rates that bench/bulk.py kept, over those that stand here, and all that the file says."""
    document: dict[str, float] = {} if path is None else json.loads(path.read_text(encoding="utf-8"))
    names = {field.name for field in fields(Rates)}
    return Rates(**{name: value for name, value in document.items() if name in names}), document


def checked(measured: dict[str, float], rates: Rates) -> str:
    """What the model says of one and two workers here, beside what was measured."""
    quiet = Cluster(
        straggler_share=0.0, failures_per_core_hour=0.0, machine_bandwidth=math.inf, latency=0.0, listing_seconds=0.0
    )
    lines = []
    for workers, name in ((1, "one_worker"), (2, "two_workers")):
        real = measured.get(f"{name}_seconds")
        if real is None:
            return "  no measurement of one and two workers; run bench/bulk.py first"
        told = answering(measured["images"], workers, rates, quiet, packed=False).seconds
        lines.append(f"  workers: {workers}, {told:.1f} s predicted, {real:.1f} s measured, ratio {told / real:.2f}")
    return "\n".join(lines)


def main() -> None:
    """Print the tables of docs/scaling.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measured", type=Path)
    parser.add_argument("--hours", type=float, default=1.0)
    arguments = parser.parse_args()
    (rates, measured), cluster = read_measured(arguments.measured), Cluster()
    print(f"Answering, in {arguments.hours:g} h where cores can do it")
    print(f"{'images':>10}  {'stored':<9}{'cores':>7}{'hours':>9}{'dollars':>11}  waits for     by resource, hours")
    for exponent in range(6, 11):
        for packed in (False, True):
            cores = cores_for(10**exponent, arguments.hours, rates, cluster, packed=packed)
            bill = answering(10**exponent, cores, rates, cluster, packed=packed)
            told = ", ".join(f"{name} {seconds / 3600:.3g}" for name, seconds in bill.by_resource.items())
            stored = "packed" if packed else "one each"
            print(
                f"{f'10^{exponent}':>10}  {stored:<9}{cores:>7,}{bill.seconds / 3600:>9.2f}{bill.dollars:>11,.2f}  "
                f"{bill.bottleneck:<13} {told}"
            )
    print("\nTraining, ten epochs in global batches of 4,096")
    print(f"{'images':>10}{'cores':>7}{'hours':>11}{'dollars':>13}  share of time exchanging gradients")
    for exponent in range(6, 11):
        for cores in (16, 64, 256):
            bill = training(10**exponent, 10, cores, rates, cluster)
            share = bill.by_resource["exchange"] / sum(bill.by_resource.values())
            print(f"{f'10^{exponent}':>10}{cores:>7}{bill.seconds / 3600:>11.2f}{bill.dollars:>13,.2f}  {share:.0%}")
    print("\nChecked on this machine")
    print(checked(measured, rates))


if __name__ == "__main__":
    main()
