"""Finds the packages: the harness, and what plugs into it under its installed name."""

from __future__ import annotations

from setuptools import find_packages, setup

packages = find_packages(include=["spatialbench", "spatialbench.*"])
package_dir = {"": "."}
for folder in ("benchmarks", "detectors", "judges"):
    installed = f"spatialbench.{folder}"
    package_dir[installed] = folder
    packages += [installed, *(f"{installed}.{name}" for name in find_packages(folder))]

setup(packages=packages, package_dir=package_dir)
