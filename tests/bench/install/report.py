"""Gates, aims and how a run is told."""
import dataclasses

from rack import POWER_MS, REPLY_MS

MIB = 1024 * 1024  # what ps and top call a megabyte
IDEAL_REQUESTS = 20
IDEAL_SECONDS = (IDEAL_REQUESTS * REPLY_MS + POWER_MS) / 1000


@dataclasses.dataclass
class Figure:
    """One measured value; `gate` and `aim` are upper bounds, None where there is none."""
    name: str
    value: float
    unit: str
    gate: float = None
    aim: float = None

    @property
    def met(self) -> bool:
        return self.gate is None or self.value <= self.gate

    def line(self) -> str:
        text = f"  {self.name:<46} {self.value:>9.4g} {self.unit:<6}"
        if self.gate is not None:
            text += f" gate {self.gate:<7.4g} {'met' if self.met else 'MISSED':<7}"
        if self.aim is not None:
            text += f" aim {self.aim:<6.4g} {'met' if self.value <= self.aim else 'not met'}"
        return text.rstrip()

    def as_json(self) -> dict:
        return {**dataclasses.asdict(self), "met": self.met}


def figures_of(run: dict) -> list:
    """What a run of run_rack came to. The time gate is for 200 servers; CPU is not judged below that, where
    what the processes do once (hello, image, plan) is shared by too few. The agent's size is that of a release
    build: others link Protobuf whole."""
    n = run["servers"]
    rack = n == 200
    fair = n >= 200
    return [
        Figure("last installer up after the rollout's start", run["boot_seconds"], "s",
               1.5 * IDEAL_SECONDS if rack else None, 1.2 * IDEAL_SECONDS if rack else None),
        Figure("Redfish requests per server, most", run["requests_most"], "", 18, 16),
        Figure("CPU per server without media", run["cpu_per_server"], "s", 0.01 if fair else None,
               0.003 if fair else None),
        Figure("peak PSS of controller, agent, media and broker", run["pss_peak"] / MIB, "MiB", 100),
        Figure("RSS of the idle agent", run["agent_idle_rss"] / MIB, "MiB", 20 if run["release"] else None),
    ]


def print_run(run: dict, figures: list):
    print(f"\n{run['servers']} servers, one site, all at once")
    for figure in figures:
        print(figure.line())
    parts = ", ".join(f"{name} {seconds * 1000 / run['servers']:.2f}" for name, seconds in run["cpu"].items())
    print(f"  CPU ms per server: {parts}")
    parts = ", ".join(f"{name} {size / MIB:.1f}" for name, size in run["pss"].items())
    print(f"  PSS MiB at the peak: {parts}")
    print(f"  all done after {run['done_seconds']:.1f} s; inspection before: {run['inspect_seconds']:.1f} s, "
          f"{run['inspect_requests']:.1f} requests and {run['inspect_cpu_per_server'] * 1000:.2f} CPU ms per server")
    print(f"  until the last installer was up, of {run['cores']} cores: product {run['boot_product_share']:.0%}, "
          f"simulated BMCs {run['boot_load_share']:.0%}, others {run['boot_other_share']:.0%}")


def print_requests(asked: list):
    """The conversation of one server, as the BMC saw it."""
    print("\nRedfish requests of one server, seconds since its first:")
    for at, what in asked:
        print(f"  {at - asked[0][0]:7.3f}  {what}")
