"""Checks Kith's audit log as a stranger would, with the tlog-tiles client `tlog-scales`, for the Rust tests.

    python check_log.py BASE_URL KEY VERIFIER KEPT_CHECKPOINT_FILE

Reads the checkpoint and the tiles over HTTP, verifies the signature, every entry, and that the log of the
kept checkpoint is the beginning of this one; then holds the server's own JSON proofs against the same
roots. Prints one line of JSON; leaves with another code than 0 at the first thing that does not hold.
"""

import base64
import json
import sys
from pathlib import Path

from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey, VkeySet
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint, ConsistencyProof, InclusionProof


def main(host, key, verifier, kept_file):
    backend = HttpBackend(f"{host}/v1/audit/log")
    backend.session.headers["Authorization"] = f"Bearer {key}"
    reader = TilesReader(backend)
    checkpoint = reader.get_checkpoint()
    kept = Checkpoint.from_text(Path(kept_file).read_text(encoding="utf-8"))
    keys = VkeySet(Vkey.from_string(verifier))
    for note in (checkpoint, kept):
        assert len(keys.verify(note.signatures, note)) == 1, f"the signature of {note} does not hold"
    assert checkpoint.origin == kept.origin == Vkey.from_string(verifier).name

    root = reader.calculate_root_hash()
    assert root == checkpoint.root_hash, "the tiles do not make the root"
    actions = set()
    for index in range(checkpoint.size):
        entry = reader.get_entry(index)
        proof = reader.get_inclusion_proof(index, checkpoint.size)
        proof.check(leaf_hash(entry), checkpoint.root_hash)
        actions.add(json.loads(entry)["action"])
    proof = reader.get_consistency_proof(kept.size, checkpoint.size)
    proof.check(kept.root_hash, checkpoint.root_hash)

    def ask(path):
        answer = backend.session.get(f"{host}/v1/audit/log/{path}")
        answer.raise_for_status()
        return answer.json()

    size = checkpoint.size
    for index in (0, size // 2, size - 1):
        said = ask(f"inclusion?index={index}&size={size}")
        proof = InclusionProof(index, size, [base64.b64decode(text) for text in said["hashes"]])
        proof.check(leaf_hash(reader.get_entry(index)), checkpoint.root_hash)
    said = ask(f"consistency?from={kept.size}&to={size}")
    proof = ConsistencyProof(kept.size, size, [base64.b64decode(text) for text in said["hashes"]])
    proof.check(kept.root_hash, checkpoint.root_hash)

    print(json.dumps({"size": size, "kept": kept.size, "actions": sorted(actions)}))


if __name__ == "__main__":
    if len(sys.argv) != 5:
        print("check_log.py: call it as `python check_log.py BASE_URL KEY VERIFIER KEPT`", file=sys.stderr)
        sys.exit(2)
    main(*sys.argv[1:])
