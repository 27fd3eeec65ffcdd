"""Finds the packages: the harness, and benchmarks/ and detectors/ under their installed names."""

from __future__ import annotations

from setuptools import find_packages, setup

packages = find_packages(include=["spatialbench", "spatialbench.*"])
package_dir = {"": "."}
for folder in ("benchmarks", "detectors"):
    installed = f"spatialbench.{folder}"
    package_dir[installed] = folder
    packages += [installed, *(f"{installed}.{name}" for name in find_packages(folder))]

setup(packages=packages, package_dir=package_dir)
