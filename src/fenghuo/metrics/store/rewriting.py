"""Writing blocks anew: merging, and taking deleted samples off the disk. Called by who holds ``Parts.upkeep``."""

from __future__ import annotations

import errno

from fenghuo.metrics.store.block import Block, read_block
from fenghuo.metrics.store.block_format import NEVER_MS, Cuts, DamagedError
from fenghuo.metrics.store.block_write import write_block
from fenghuo.metrics.store.blocks import series_of
from fenghuo.metrics.store.head import EVER_MS
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.selecting import plan_select


def rewrite(parts: Parts, group: list[Block]) -> None:
    """Put one block in the place of some: what is deleted of them, or damaged, is not in it.

    Raises OSError when the disk refuses, to read as well as to write; the group is then what it was.
    """
    refusals = [block.file.refusals for block in group]

    def approve() -> None:
        if [block.file.refusals for block in group] != refusals:
            raise OSError(errno.EIO, "blocks that should be merged cannot be read")

    with parts.lock:
        sids = series_of(group)
        labels = parts.index.label_table(sids)
        plan = plan_select(group, sids, labels, NEVER_MS, EVER_MS, dense_rows_min=1)
        path = parts.blocks.next_path()
        keys = parts.head.cohort_codes.values
    names, cuts = [block.name for block in group], Cuts.of(pair for block in group for pair in block.meta.cuts)
    meta = write_block(path, plan, keys, names, cuts, approve)
    try:
        ready = None if meta is None else read_block(path)
    except DamagedError as damage:
        parts.blocks.set_apart(damage)
        raise OSError(errno.EIO, f"what was written cannot be read: {damage}") from damage
    numbers = None if ready is None else ready.register(parts.index, parts.lock, parts.head.reserve)
    with parts.lock:
        if ready is None or numbers is None:
            for block in group:
                block.empty()
        else:
            parts.blocks.add(ready.enter(numbers, parts.head.cohort_codes))


def clean(parts: Parts) -> None:
    """Write the blocks anew that hold deleted samples. Raises OSError when the disk refuses."""
    with parts.lock:
        blocks = [block for block in parts.blocks.blocks if block.tombstones and not block.is_empty]
    for block in blocks:
        rewrite(parts, [block])
    drop_emptied(parts)


def drop_emptied(parts: Parts) -> None:
    """Delete the blocks of which every sample is deleted, unless the WAL has these samples still."""
    with parts.lock:
        blocks, segments = parts.blocks, parts.wal.segments
        for block in [each for each in blocks.blocks if each.is_empty]:
            if not blocks.needed(block, segments):
                blocks.delete([block], "deleted")
