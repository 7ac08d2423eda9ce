"""Which folders are the training, validation and test set, and which are classes: told by names and by what they hold.

Where two readings are possible, nothing is guessed: a sentence says what was found and what to do.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from beholder.data.folders.tree import Tree
from beholder.errors import DataError

TITLES = {"train": "training", "validation": "validation", "test": "test", "all": "whole"}
_WORDS = {
    "train": "train training trn",
    "validation": "val valid validate validation validating dev devel develop development eval evaluate evaluation",
    "test": "test testing tests tst holdout",
}
_ROLES = {word: role for role, words in _WORDS.items() for word in words.split()}
# Some mean by these the set that chooses, others the one that judges.
_AMBIGUOUS_WORDS = "dev devel develop development eval evaluate evaluation holdout"
_FILLERS = "set sets image images img imgs picture pictures photo photos pic pics data dataset split"
_JOINED = re.compile(rf"({'|'.join(sorted(_ROLES, key=len, reverse=True))})({'|'.join(_FILLERS.split())})")
_MOST_NAMED = 4


@dataclass(frozen=True)
class Roles:
    """How a folder is divided.

    Attributes:
        folders: from set (`train`, `validation`, `test`) to its folder; `all` to the root where it is not divided.
        notes: sentences about what had to be decided or was left out.
    """

    folders: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Name:
    """What the name of a folder says: `word` is that of a set, `rest` what else is in it."""

    role: str
    word: str
    rest: tuple[str, ...]


def divide(tree: Tree, root: str) -> Roles:
    """Find the sets in `root`.

    Raises:
        DataError: folders that may be sets as well as classes, two of one kind, images that no set would hold, or a
            level of folders that is neither sets nor classes.
    """
    filled = tree.filled(root)
    named = _named(filled)
    if not named:  # an archive unpacked into a folder of its own
        _refuse_only_folder(tree, root, least=1, advice="give the path {inner!r}")
    roles = {folder: name for folder, name in named.items() if _is_set(tree, folder, filled)}
    flat = [folder for folder in named if folder not in roles]
    if not any(name.role == "train" for name in named.values()):
        # Class folders without images are an audit's to tell, and no reason to learn from another set.
        empty = [folder for folder in tree.contents(root).folders if tree.contents(folder).folders]
        roles |= {folder: name for folder, name in _named(empty).items() if name.role == "train" and roles}
    if not roles or any(named[folder].role == "train" for folder in flat):
        _refuse_flat_sets(tree, root, filled, {folder: named[folder] for folder in flat}, among_sets=bool(roles))
        _refuse_levels(tree, root)
        return Roles({"all": root})
    _refuse_beside(tree, root, roles, [folder for folder in filled if folder not in named])
    folders: dict[str, str] = {}
    for folder, name in roles.items():
        if name.role in folders:
            raise DataError(
                f"Both {_base(folders[name.role])!r} and {_base(folder)!r} in {root!r} have the name of a "
                f"{TITLES[name.role]} set; rename one of them or merge them."
            )
        folders[name.role] = folder
    for set_name in TITLES:
        if set_name in folders:
            _refuse_levels(tree, folders[set_name])
    return Roles(folders, tuple(_notes(tree, root, folders, roles, flat)))


def role_of(name: str) -> str | None:
    """The set that a folder's `name` stands for, in any case and form (`Training`, `test-images`, `valSet`)."""
    said = _read(name)
    return said.role if said is not None and not said.rest else None


def doubtful_name(name: str, sets: Container[str]) -> str | None:
    """A sentence where some mean by `name` the set that chooses, others the one that judges, and `sets` has one."""
    said = _read(name)
    if said is None or said.word not in _AMBIGUOUS_WORDS.split():
        return None
    if said.role == "validation" and "test" not in sets:
        taken = f"{name!r} is taken for the validation set, which training uses to choose"
        return f"{taken}; rename it to 'test' if it is to judge."
    if said.role == "test" and "validation" not in sets:
        return f"{name!r} is taken for the test set; rename it to 'val' if training is to choose by it."
    return None


def _read(name: str) -> _Name | None:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=\D)(?=\d)|(?<=\d)(?=\D)", " ", name)
    text = re.sub(r"\b(hold|held) ?out\b", "holdout", " ".join(re.split(r"[\W_]+", spaced.casefold())).strip())
    words = _JOINED.sub(r"\1 \2", text).split() if _JOINED.fullmatch(text) else text.split()
    if len(words) > 1 and words[0].isdecimal():  # 01_train, 02_test
        words = words[1:]
    known = [word for word in words if word in _ROLES]
    if len(known) != 1:
        return None
    return _Name(_ROLES[known[0]], known[0], tuple(word for word in words if word not in (*_FILLERS.split(), known[0])))


def _named(folders: Sequence[str]) -> dict[str, _Name]:
    """The folders with the name of a set; `seg_train` and `seg_test` are two, which differ in that word alone."""
    said = {folder: name for folder in folders if (name := _read(_base(folder)))}
    pure = {folder: name for folder, name in said.items() if not name.rest}
    if pure:
        return pure
    rests = {name.rest for name in said.values()}
    return said if len(rests) == 1 and len({name.role for name in said.values()}) > 1 else {}


def _is_set(tree: Tree, folder: str, beside: Sequence[str]) -> bool:
    """Whether a folder with the name of a set holds class folders; one with images too may be a class among others."""
    if not tree.filled(folder):
        return False
    others = [other for other in beside if other != folder and _read(_base(other)) is None]
    return not (tree.contents(folder).has_images and any(tree.contents(other).has_images for other in others))


def _through(tree: Tree, folder: str) -> str:
    """Down from `folder` as long as it holds nothing but one folder that is no set."""
    while not tree.contents(folder).has_images and len(below := tree.filled(folder)) == 1 and not _named(below):
        folder = below[0]
    return folder


def _refuse_only_folder(tree: Tree, root: str, *, least: int, advice: str) -> None:
    """Refuse a folder of one folder in which the sets or classes are, `least` of them: `data/data/train`."""
    filled = tree.filled(root)
    if len(filled) == 1 and not tree.contents(root).has_images:
        inner = _through(tree, filled[0])
        below = tree.filled(inner)
        if not tree.contents(inner).has_images and len(below) >= least:
            raise DataError(
                f"{root!r} holds {tree.kind(inner).plural} in one folder only, {_base(filled[0])!r}, in which there "
                f"are {_listed(below)}; {advice.format(inner=inner, root=root)}."
            )


def _refuse_flat_sets(
    tree: Tree, root: str, filled: Sequence[str], named: Mapping[str, _Name], *, among_sets: bool
) -> None:
    """Sets that hold images and no class folders, and names that are of a set and of a class in one."""
    if among_sets or (named and (len(named) == len(filled) or len({name.role for name in named.values()}) > 1)):
        first, name = next(iter(named.items()))
        are = f"is a {TITLES[name.role]} set by its name and holds"
        plural = tree.kind(first).plural
        raise DataError(
            f"{_listed(named)} in {root!r} {are if len(named) == 1 else 'are sets by their names and hold'} {plural} "
            f"without class folders; sort the {plural} into a folder for each class ({_base(first)}/<class>/), or "
            "rename the folders if they are classes."
        )
    alike: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for folder in filled:
        if (said := _read(_base(folder))) and said.rest:
            alike[said.rest][folder] = said.role
    for roles in alike.values():
        if len(set(roles.values())) > 1:
            raise DataError(
                f"{_listed(roles)} in {root!r} differ only in the name of a set; sort the "
                f"{tree.kind(root).plural} into train/<class>/ and test/<class>/."
            )


def _refuse_beside(tree: Tree, root: str, roles: Mapping[str, _Name], others: Sequence[str]) -> None:
    """Folders with images beside the sets would be left out."""
    if not others:
        return
    training = next((_base(folder) for folder, name in roles.items() if name.role == "train"), None)
    kind = tree.kind(root)
    what = f"the {TITLES[next(iter(roles.values())).role]} set" if len(roles) == 1 else "the sets"
    if not all(tree.contents(other).has_images for other in others):
        advice = "name sets train, val and test, and move everything else out of this folder"
    elif training is None:
        advice = "move classes into a folder 'train', and everything else out of this folder"
    else:
        advice = (
            f"move classes into {training!r} and everything else out of this folder, or, if {training!r} is a class "
            f"too, put its {kind.plural} directly into it"
        )
    count = sum(map(tree.count, others))
    raise DataError(
        f"Beside {what} {_listed(roles)}, {root!r} holds {_listed(others)} with {kind.count(count)} that "
        f"{'is' if count == 1 else 'are'} in no set; {advice}."
    )


def _refuse_levels(tree: Tree, folder: str) -> None:
    """Refuse "classes" that are a level above the classes: cameras, folds, sites, sets within classes."""
    _refuse_only_folder(tree, folder, least=2, advice="move these up into {root!r}")
    classes = tree.filled(folder)
    inner = {one: _through(tree, one) for one in classes}
    within = {one: {_key(below): below for below in tree.filled(inner[one])} for one in classes}
    bare = all(within[one] and not tree.contents(inner[one]).has_images for one in classes)
    counts = Counter(name for names in within.values() for name in names)
    shared = [name for name, count in counts.items() if count > 1]
    if bare and len(shared) > 1 and 2 * len(shared) >= len(counts):
        plural = tree.kind(folder).plural
        same = [below for name, below in within[classes[0]].items() if name in shared] or [classes[0]]
        told = f"{_listed(classes)} in {folder!r} hold the same folders ({_listed(same)}) and no {plural} of their own"
        if all(role_of(_base(one)) for one in same):
            raise DataError(f"{told}; swap the levels: train/<class>/ and test/<class>/, not <class>/train/.")
        raise DataError(
            f"{told}, so they look like sets or an outer level and not like classes; rename them to train, val and "
            f"test, give the path of one of them, or move the {plural} up if they are classes."
        )
    for one, names in within.items():
        like = [other for other in classes if other != one and _key(other) in names]
        if like:
            raise DataError(
                f"{_base(one)!r} in {folder!r} holds folders with the names of others beside it ({_listed(like)}), so "
                "it looks like a set or a copy and not like a class; rename it to train, val or test and move the "
                "others into a set too, or move it elsewhere."
            )


def _notes(
    tree: Tree, root: str, folders: Mapping[str, str], roles: Mapping[str, _Name], flat: Sequence[str]
) -> Iterable[str]:
    for folder in roles:
        if told := doubtful_name(_base(folder), folders):
            yield told
    for folder in flat:
        yield (
            f"{_base(folder)!r} holds {tree.kind(folder).count(tree.count(folder))} without class folders: nothing can "
            "be judged by them, so they are left out."
        )
    for folder in tree.contents(root).folders:
        if role_of(_base(folder)) and not tree.holds_images(folder):
            yield f"{_base(folder)!r} holds no {tree.kind(root).plural} and is left out."


def _listed(folders: Iterable[str]) -> str:
    names = [repr(_base(folder)) for folder in folders]
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} and {len(names) - _MOST_NAMED} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _base(folder: str) -> str:
    return Path(folder).name


def _key(folder: str) -> str:
    return _base(folder).casefold()
