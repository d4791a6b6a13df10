# SPDX-FileCopyrightText: 2026 Univention GmbH
# SPDX-License-Identifier: AGPL-3.0-only
"""Registry files land where `dh --with ucr` puts them, and mistakes stop the build."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import PROJECT, Check
from univention_xen.registry import install
from univention_xen.registry.install_check import Mistake

INFO = """\
Type: file
File: etc/sample/one.conf
Mode: 0640
Postinst: sample.py
Variables: ^sample/.*$
Variables: ^other$

Type: multifile
Multifile: etc/sample/many.conf

Type: subfile
Multifile: etc/sample/many.conf
Subfile: etc/sample/many.d/10-part
Variables: ^sample/part$

Type: module
Module: watch.py
Variables: ^sample/watch$

Type: script
Script: notify.sh
Variables: ^sample/notify$
"""
VARIABLES = """\
[sample/one]
Description[de]=Eine Größe.
Description[en]=A size.
Type=uint
Min=1
Max=9
Default=3
Categories=service-sample
"""
CATEGORIES = "[service-sample]\nname[de]=Beispiel\nname[en]=Sample\nicon=sample\n"
SERVICE = "[sampled]\ndescription[de]=Dienst\ndescription[en]=Service\nprograms=sampled\nstart_type=sample/autostart\n"
NAME = "debian/sample.univention-config-registry"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A source package that has one of each."""
    tree = tmp_path / "source"
    for name, text in {
        "debian/control": "Source: sample\n\nPackage: sample\nArchitecture: all\n\nPackage: sample-doc\n",
        NAME: INFO,
        f"{NAME}-variables": VARIABLES,
        f"{NAME}-categories": CATEGORIES,
        f"{NAME}-mapping": "univentionSample=sample/one\n",
        "debian/sample.univention-service": SERVICE,
        "conffiles/etc/sample/one.conf": "@%@sample/one@%@\n",
        "conffiles/sample/many.d/10-part": "part\n",
        "conffiles/sample.py": "def postinst(ucr, changes):\n    pass\n",
        "conffiles/watch.py": "from somewhere import handler\n",
        "notify.sh": "#!/bin/sh\ncat\n",
    }.items():
        write(tree / name, text)
    return tree


def test_every_file_goes_where_ucr_looks_for_it(source: Path, tmp_path: Path) -> None:
    tree = tmp_path / "root"
    assert install.into_tree(str(source), "sample", str(tree)) == [
        "/etc/univention/registry.info/categories/sample.cfg",
        "/etc/univention/registry.info/variables/sample.cfg",
        "/etc/univention/service.info/services/sample.cfg",
        "/etc/univention/templates/files/etc/sample/many.d/10-part",
        "/etc/univention/templates/files/etc/sample/one.conf",
        "/etc/univention/templates/info/sample.info",
        "/etc/univention/templates/mapping/sample.univention-config-registry-mapping",
        "/etc/univention/templates/modules/sample.py",
        "/etc/univention/templates/modules/watch.py",
        "/etc/univention/templates/scripts/notify.sh",
    ]
    assert (tree / "etc/univention/templates/info/sample.info").read_text() == INFO
    assert (tree / "etc/univention/templates/files/etc/sample/one.conf").read_text() == "@%@sample/one@%@\n"


def test_scripts_are_made_executable_and_templates_keep_what_they_had(source: Path, tmp_path: Path) -> None:
    (source / "conffiles/sample/many.d/10-part").chmod(0o700)
    (source / "conffiles/etc/sample/one.conf").chmod(0o664)
    install.into_tree(str(source), "sample", str(tmp_path / "root"))
    templates = tmp_path / "root/etc/univention/templates"
    modes = {name: (templates / name).stat().st_mode & 0o777 for name in ("scripts/notify.sh", "modules/sample.py")}
    assert modes == {"scripts/notify.sh": 0o755, "modules/sample.py": 0o644}
    assert (templates / "files/etc/sample/many.d/10-part").stat().st_mode & 0o777 == 0o755
    assert (templates / "files/etc/sample/one.conf").stat().st_mode & 0o777 == 0o644


def test_the_dummy_of_a_multifile_is_taken_from_the_source_root_only(source: Path, tmp_path: Path) -> None:
    write(source / "etc/sample/many.conf", "")
    assert "/etc/univention/templates/files/etc/sample/many.conf" in install.contents(str(source), "sample")


def test_a_package_without_registry_files_gets_nothing(source: Path, tmp_path: Path) -> None:
    assert install.packages(str(source)) == ["sample", "sample-doc"]
    install.build(str(source))
    assert not (source / "debian/sample-doc").exists()
    assert sorted(file.name for file in (source / "debian").glob("*.debhelper")) == [
        "sample.postinst.debhelper", "sample.preinst.debhelper", "sample.prerm.debhelper",
    ]  # fmt: skip


def test_a_package_with_descriptions_only_gets_no_snippets(source: Path) -> None:
    (source / NAME).unlink()
    install.build(str(source))
    assert (source / "debian/sample/etc/univention/registry.info/variables/sample.cfg").exists()
    assert not list((source / "debian").glob("*.debhelper"))


def test_running_twice_changes_nothing(source: Path) -> None:
    (source / "debian/sample.postinst.debhelper").write_text("# from another tool\n")
    install.build(str(source))
    once = {file: file.read_text() for file in source.rglob("*") if file.is_file()}
    install.build(str(source))
    assert {file: file.read_text() for file in source.rglob("*") if file.is_file()} == once
    assert once[source / "debian/sample.postinst.debhelper"].startswith("# from another tool\n")


def test_the_snippets_of_the_maintainer_scripts(golden: Check) -> None:
    text = "".join(f"== {script}\n{snippet}" for script, snippet in install.snippets("sample").items())
    golden("packaging/snippets", text)


def test_our_own_package_has_no_mistake() -> None:
    for package in install.packages(str(PROJECT)):
        install.contents(str(PROJECT), package)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Type: script", "Type: File", "unknown Type 'File'"),
        ("Type: script\n", "", "unknown Type ''"),
        ("Mode: 0640", "Mode:0640", "not 'Key: value'"),
        ("Mode: 0640", "# a comment", "not 'Key: value'"),
        ("Mode: 0640", " continued", "not 'Key: value'"),
        ("Mode: 0640", "Mode: rw", "no file mode"),
        ("Mode: 0640", "Mode: 0000", "no file mode"),
        ("Mode: 0640", "Encode-utf8: yes", "not 'Key: value'"),
        ("Mode: 0640", "Owner: root", "has no Owner"),
        ("Mode: 0640", "File: etc/two", "File comes twice"),
        ("File: etc/sample/one.conf", "File: /etc/sample/one.conf", "without its leading slash"),
        ("File: etc/sample/one.conf", "File: etc/../one.conf", "below /"),
        ("File: etc/sample/one.conf", "File: etc/sample/two.conf", "there is no such file"),
        ("Module: watch.py", "Module: handlers/watch.py", "at the top of conffiles/"),
        ("Postinst: sample.py", "Preinst: sample.py", "no function preinst()"),
        ("Postinst: sample.py", "Postinst: other.py", "there is no such file"),
        ("Variables: ^sample/watch$\n", "", "a module needs Variables"),
        ("Variables: ^other$", "Variables: (other", "is no regular expression"),
    ],
)
def test_a_wrong_registration_stops_the_build(source: Path, old: str, new: str, sentence: str) -> None:
    assert old in INFO
    (source / NAME).write_text(INFO.replace(old, new, 1))
    with pytest.raises(Mistake) as caught:
        install.build(str(source))
    assert sentence in str(caught.value)
    assert not (source / "debian/sample").exists(), "nothing is installed before everything has been judged"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("Description[de]=Eine Größe.\n", "", "no German description"),
        ("Description[en]=A size.\n", "", "no English description"),
        ("Type=uint\n", "", "no type"),
        ("Type=uint", "Type=integer", "unknown type 'integer'"),
        ("Min=1", "Min=one", "min is not a number"),
        ("Min=1", "Min=10", "min is greater than max"),
        ("Min=1", "Regex=(", "is no regular expression"),
        ("Min=1", "Minimum=1", "unknown option minimum"),
        ("Categories=service-sample\n", "", "no categories"),
        ("Categories=service-sample", "Categories=service-unknown", "nobody declares the category service-unknown"),
        ("[sample/one]", "[sample/one]\nType=str\n[sample/one]", "already exists"),
    ],
)
def test_a_wrong_description_stops_the_build(source: Path, old: str, new: str, sentence: str) -> None:
    assert old in VARIABLES
    (source / f"{NAME}-variables").write_text(VARIABLES.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(Mistake, match=r"(?s).") as caught:
        install.build(str(source))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_description_for_all_languages_is_enough(source: Path) -> None:
    text = VARIABLES.replace("Description[de]", "Description").replace("Description[en]=A size.\n", "")
    (source / f"{NAME}-variables").write_text(text, encoding="utf-8")
    install.build(str(source))


def test_the_description_of_a_pattern_may_be_incomplete(source: Path) -> None:
    (source / f"{NAME}-variables").write_text("[sample/.*/size]\nType=uint\n")
    install.build(str(source))


def test_a_template_that_is_not_utf8_stops_the_build(source: Path) -> None:
    (source / "conffiles/etc/sample/one.conf").write_bytes(b"Gr\xf6\xdfe\n")
    with pytest.raises(Mistake, match="is not UTF-8"):
        install.build(str(source))


def test_a_handler_that_is_not_python_stops_the_build(source: Path) -> None:
    (source / "conffiles/sample.py").write_text("def postinst(ucr, changes)\n")
    with pytest.raises(Mistake, match=r"sample\.py:1: "):
        install.build(str(source))


def test_an_unknown_key_of_a_service_stops_the_build(source: Path) -> None:
    (source / "debian/sample.univention-service").write_text(SERVICE + "unit=sampled.service\n")
    with pytest.raises(Mistake, match="unknown option unit"):
        install.build(str(source))


def test_a_category_needs_an_icon(source: Path) -> None:
    (source / f"{NAME}-categories").write_text(CATEGORIES.replace("icon=sample\n", ""))
    with pytest.raises(Mistake, match="no icon"):
        install.build(str(source))
