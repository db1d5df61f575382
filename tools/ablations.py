#!/usr/bin/env python3
"""The table and the plot of docs/ablations.md from the metrics of its runs.

  tools/ablations.py RUNS [--svg FILE]

RUNS holds ROW-SEED/metrics.jsonl as `san train --out RUNS/ROW-SEED` leaves them, or ROW-SEED.jsonl. Prints Markdown: per
row the mean and the sample standard deviation over its seeds of the last evaluation, and how far the mean is from the
first row's (baseline) in standard errors of that difference.
"""
import argparse
import json
import math
import pathlib
import re
import sys

COLOURS = ["#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#8a6d00", "#555555", "#000000"]


def read_runs(folder):
    """{row: {seed: [metrics line, ...]}}, the baseline first."""
    runs = {}
    for path in sorted(folder.glob("*/metrics.jsonl")) + sorted(folder.glob("*.jsonl")):
        name = path.parent.name if path.name == "metrics.jsonl" else path.stem
        match = re.fullmatch(r"(.+)-(\d+)", name)
        if not match:
            sys.exit(f"{path}: expected a name such as baseline-1 (row and seed), got '{name}'")
        lines = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        if not any("miou_seen" in line for line in lines):
            print(f"{path}: not finished, left out", file=sys.stderr)
            continue
        runs.setdefault(match[1], {})[int(match[2])] = lines
    if not runs:
        sys.exit(f"{folder}: no finished runs; expected ROW-SEED/metrics.jsonl or ROW-SEED.jsonl")
    return dict(sorted(runs.items(), key=lambda item: (item[0] != "baseline", item[0])))


def last(lines, key):
    return [100 * line[key] for line in lines if key in line][-1]


def statistics(values):
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def cell(values):
    mean, spread = statistics(values)
    return f"{mean:.1f}" if spread is None else f"{mean:.1f} ± {spread:.1f}"


def apart(values, reference):
    """Welch's t of the difference of two means; a dash where a spread is unknown."""
    (a, s), (b, r) = statistics(values), statistics(reference)
    if s is None or r is None or values is reference:
        return "–"
    error = math.sqrt(s * s / len(values) + r * r / len(reference))
    return "–" if error == 0 else f"{(a - b) / error:+.1f}"


def changed(row):
    """What a row's recipe says of itself in its first line."""
    recipe = pathlib.Path(__file__).parent.parent / "configs/ablations" / f"{row}.yaml"
    text = recipe.read_text().splitlines()[0] if recipe.exists() else ""
    match = re.match(r"# (?:Ablation|What the other ablations change): (.*?)\.(?: |$)", text)
    return match[1] if match else "–"


def table(runs):
    first = next(iter(runs.values()))
    reference = {key: [last(lines, key) for lines in first.values()] for key in ("miou_seen", "miou_unseen")}
    print("| row | | seen | unseen | from the first row, in standard errors | seeds |\n|---|---|---|---|---|---|")
    for row, seeds in runs.items():
        seen, unseen = ([last(lines, key) for lines in seeds.values()] for key in ("miou_seen", "miou_unseen"))
        far = "–" if seeds is first else f"{apart(seen, reference['miou_seen'])} / {apart(unseen, reference['miou_unseen'])}"
        print(f"| [{row}](../configs/ablations/{row}.yaml) | {changed(row)} | {cell(seen)} | {cell(unseen)} | {far} | {len(seeds)} |")


def curve(seeds):
    """[(step, lowest, mean, highest)] of the class loss where every seed has logged it."""
    by_step = {}
    for lines in seeds.values():
        for line in lines:
            if line.get("loss_ce"):
                by_step.setdefault(line["step"], []).append(line["loss_ce"])
    return [(s, min(v), sum(v) / len(v), max(v)) for s, v in sorted(by_step.items()) if len(v) == len(seeds)]


def plot(runs, path):
    """Left: class loss over steps, mean line and range of the seeds. Right: mIoU of every seed, seen and unseen."""
    curves = {row: curve(seeds)[1:] for row, seeds in runs.items()}
    most = max(point[3] for points in curves.values() for point in points)
    end = max(points[-1][0] for points in curves.values())
    best = max(last(lines, key) for seeds in runs.values() for lines in seeds.values() for key in ("miou_seen", "miou_unseen"))
    height = 60 + 30 * max(8, len(runs))
    bottom, top, left, right = height - 40, 16, 50, 360
    x = lambda step: left + (right - left) * step / end
    y = lambda loss: bottom - (bottom - top) * loss / most
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 860 {height}" font-family="sans-serif" font-size="12">'
           f'<rect width="860" height="{height}" fill="white"/>']

    def text(at_x, at_y, words, anchor="middle", colour="black"):
        out.append(f'<text x="{at_x:.0f}" y="{at_y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>')

    def line(x1, y1, x2, y2, colour="#ddd", width=1):
        out.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>')

    grain = max(1, round(most / 4))
    for loss in range(0, int(most) + 1, grain):
        line(left, y(loss), right, y(loss))
        text(left - 8, y(loss) + 4, loss, "end")
    for part in range(5):
        text(x(end * part / 4), bottom + 16, round(end * part / 4))
    text((left + right) / 2, height - 8, "step; class loss, mean and range of the seeds")
    for points, colour in zip(curves.values(), COLOURS):
        band = [(x(s), y(high)) for s, _, _, high in points] + [(x(s), y(low)) for s, low, _, _ in reversed(points)]
        out.append(f'<polygon fill="{colour}" fill-opacity="0.12" points="' + " ".join(f"{a:.1f},{b:.1f}" for a, b in band) + '"/>')
        out.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.8" points="' +
                   " ".join(f"{x(s):.1f},{y(mean):.1f}" for s, _, mean, _ in points) + '"/>')
    begin, stop = 540, 840
    across = lambda value: begin + (stop - begin) * value / best
    step = 5 if best <= 40 else 10
    for value in range(0, int(best) + 1, step):
        line(across(value), top, across(value), bottom)
        text(across(value), bottom + 16, value)
    text((begin + stop) / 2, height - 8, "mIoU of every seed: ● seen, ○ unseen")
    for i, ((row, seeds), colour) in enumerate(zip(runs.items(), COLOURS)):
        at = top + (i + 0.5) * (bottom - top) / len(runs)
        text(begin - 10, at + 4, row, "end", colour)
        for key, shift in (("miou_seen", -5), ("miou_unseen", 5)):
            values = [last(lines, key) for lines in seeds.values()]
            mean = across(statistics(values)[0])
            line(mean, at + shift - 5, mean, at + shift + 5, colour, 2)
            for value in values:
                fill = colour if key == "miou_seen" else "white"
                out.append(f'<circle cx="{across(value):.1f}" cy="{at + shift:.1f}" r="3.2" fill="{fill}" stroke="{colour}"/>')
    out.append("</svg>")
    path.write_text("\n".join(out) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path, help="also draw the plot into this file")
    options = parser.parse_args()
    runs = read_runs(options.runs)
    table(runs)
    if options.svg:
        plot(runs, options.svg)


if __name__ == "__main__":
    main()
