//! The RFC's own numbers, and proofs of any size that hold and that no change survives.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// The leaves of RFC 6962's reference tests.
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];
/// Their roots, from one leaf to eight.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/// A tree by the definition of RFC 6962, section 2.1, without any cleverness.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(usize::try_from(split(many.len() as u64)).unwrap());
            node_hash(&by_definition(left), &by_definition(right))
        }
    }
}

fn hash(text: &str) -> Hash {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// A whole tree in memory: hashes by level, as a store keeps them.
#[derive(Default)]
struct Tree {
    levels: Vec<Vec<Hash>>,
    frontier: Frontier,
}

impl Tree {
    fn of(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let mut tree = Self::default();
        for leaf in leaves {
            tree.level(0).push(leaf);
            let mut filled = Vec::new();
            tree.frontier
                .push(leaf, |level, n, hash| filled.push((level, n, hash)));
            for (level, n, hash) in filled {
                let level = tree.level(level);
                assert_eq!(level.len() as u64, n);
                level.push(hash);
            }
        }
        tree
    }

    fn level(&mut self, level: u8) -> &mut Vec<Hash> {
        let level = usize::from(level);
        self.levels
            .resize_with(self.levels.len().max(level + 1), Vec::new);
        &mut self.levels[level]
    }

    fn at(&self) -> impl FnMut(u8, u64) -> Result<Hash, Infallible> {
        |level, n| Ok(self.levels[usize::from(level)][usize::try_from(n).unwrap()])
    }

    fn root(&self, size: u64) -> Hash {
        range_hash(0, size, &mut self.at()).unwrap()
    }
}

fn numbered(count: u64) -> Vec<Hash> {
    (0..count).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

#[test]
fn the_numbers_of_the_rfc() {
    let leaves: Vec<_> = LEAVES
        .iter()
        .map(|leaf| leaf_hash(&hex::decode(leaf).unwrap()))
        .collect();
    for (count, root) in (1..).zip(ROOTS) {
        let tree = Tree::of(leaves[..count].iter().copied());
        assert_eq!(tree.frontier.root(), hash(root));
        assert_eq!(tree.root(count as u64), hash(root));
    }
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(Frontier::default().root(), hash(empty));

    let tree = Tree::of(leaves.iter().copied());
    let path = |index, size| inclusion(index, size, &mut tree.at()).unwrap();
    assert_eq!(
        path(5, 8),
        [
            hash("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
            hash("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
            hash("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ]
    );
    assert_eq!(
        path(2, 3),
        [hash(
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
        )]
    );
    let path = |from, to| consistency(from, to, &mut tree.at()).unwrap();
    assert_eq!(path(8, 8), Vec::<Hash>::new());
    assert_eq!(
        path(1, 8),
        [
            hash("96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"),
            hash("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
            hash("6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"),
        ]
    );
    assert_eq!(
        path(6, 8),
        [
            hash("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
            hash("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
            hash("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"),
        ]
    );
}

#[test]
fn every_size_has_the_root_of_the_definition() {
    let leaves = numbered(700);
    let mut frontier = Frontier::default();
    let tree = Tree::of(leaves.iter().copied());
    for (before, leaf) in leaves.iter().enumerate() {
        assert_eq!(frontier.root(), by_definition(&leaves[..before]));
        assert_eq!(tree.root(before as u64), frontier.root());
        frontier.push(*leaf, |_, _, _| {});
    }
}

#[test]
fn an_edge_that_is_loaded_is_the_one_that_grew() {
    // One more than two full levels, so that every level has been full.
    let tree = Tree::of(numbered(65_537 + 300));
    for size in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 65_837] {
        let grown = Tree::of(numbered(size)).frontier;
        let loaded = Frontier::load(size, |level, first, count| {
            let level = &tree.levels[usize::from(level)];
            let first = usize::try_from(first).unwrap();
            Ok::<_, Infallible>(level[first..first + usize::try_from(count).unwrap()].to_vec())
        });
        assert_eq!(loaded.unwrap().root(), grown.root(), "{size}");
        assert_eq!(tree.root(size), grown.root(), "{size}");
    }
}

/// Changes one bit of one of the hashes, or takes one away, or adds one.
fn damage(path: &mut Vec<Hash>, how: usize, place: usize) {
    let place = place % (path.len() + 1);
    match how % 3 {
        0 if place < path.len() => path[place][how / 3 % 32] ^= 1,
        1 if place < path.len() => drop(path.remove(place)),
        _ => path.insert(place, leaf_hash(b"another")),
    }
}

proptest! {
    #[test]
    fn a_proof_of_inclusion_holds_and_no_change_of_it_does(
        (size, index) in (1..2_000_u64).prop_flat_map(|size| (Just(size), 0..size)),
        how: usize,
        place: usize,
    ) {
        let leaves = numbered(size);
        let tree = Tree::of(leaves.iter().copied());
        let root = tree.root(size);
        let path = inclusion(index, size, &mut tree.at()).unwrap();
        let leaf = leaves[usize::try_from(index).unwrap()];
        prop_assert!(verify_inclusion(index, size, &leaf, &path, &root));
        prop_assert!(!verify_inclusion(index, size, &leaf_hash(b"another"), &path, &root));
        prop_assert!(!verify_inclusion(index, size, &leaf, &path, &leaf_hash(b"another")));
        if size > 1 {
            prop_assert!(!verify_inclusion((index + 1) % size, size, &leaf, &path, &root));
        }
        let mut damaged = path;
        damage(&mut damaged, how, place);
        prop_assert!(!verify_inclusion(index, size, &leaf, &damaged, &root));
    }

    #[test]
    fn a_proof_of_consistency_holds_and_no_change_of_it_does(
        (to, from) in (1..2_000_u64).prop_flat_map(|to| (Just(to), 1..=to)),
        how: usize,
        place: usize,
    ) {
        let tree = Tree::of(numbered(to));
        let (old, new) = (tree.root(from), tree.root(to));
        let path = consistency(from, to, &mut tree.at()).unwrap();
        prop_assert!(verify_consistency((from, &old), (to, &new), &path));
        let other = leaf_hash(b"another");
        prop_assert!(!verify_consistency((from, &other), (to, &new), &path));
        prop_assert!(!verify_consistency((from, &old), (to, &other), &path));
        if from > 1 {
            prop_assert!(!verify_consistency((from - 1, &old), (to, &new), &path));
        }
        let mut damaged = path;
        damage(&mut damaged, how, place);
        prop_assert!(!verify_consistency((from, &old), (to, &new), &damaged));
    }

    #[test]
    fn no_text_breaks_the_readers(text in "\\PC{0,200}|[0-9x./p]{0,40}") {
        let _ = SignedCheckpoint::parse(&text);
        if let Some(tile) = TilePath::parse(&text) {
            prop_assert_eq!(tile.to_string(), text);
        }
    }
}

#[test]
fn tiles_have_one_name_each() {
    let check = |path: &str, expect: Option<(TileKind, u64, u64)>| {
        let found = TilePath::parse(path).map(|tile| (tile.kind, tile.index, tile.width));
        assert_eq!(found, expect, "{path}");
    };
    check("0/000", Some((TileKind::Hashes(0), 0, 256)));
    check("2/x001/234", Some((TileKind::Hashes(2), 1_234, 256)));
    check(
        "entries/x001/x234/067",
        Some((TileKind::Entries, 1_234_067, 256)),
    );
    check("1/007.p/12", Some((TileKind::Hashes(1), 7, 12)));
    for wrong in [
        "",
        "0",
        "0/",
        "0/0",
        "0/0000",
        "0/x000/001",
        "0/001/002",
        "0/x001",
        "00/000",
        "64/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/",
        "0/+01",
        "data/000",
        "entries/000/",
    ] {
        check(wrong, None);
    }
}

#[test]
fn a_checkpoint_is_a_signed_note() {
    let key = LogKey::from_seed(&[7; 32]);
    let checkpoint = Checkpoint {
        origin: "kith/0123456789abcdef".to_owned(),
        size: 42,
        root: leaf_hash(b"root"),
    };
    let note = checkpoint.sign(&key);
    let read = SignedCheckpoint::parse(&note).unwrap();
    assert_eq!(read.checkpoint, checkpoint);
    assert_eq!(read.signed_by(&key), Some(true));
    let other = LogKey::from_seed(&[8; 32]);
    assert_eq!(read.signed_by(&other), None);

    // A witness's signature below is no harm; a word changed above is.
    let witnessed = format!(
        "{note}\u{2014} witness.example {}\n",
        STANDARD.encode([1; 76])
    );
    let read = SignedCheckpoint::parse(&witnessed).unwrap();
    assert_eq!(
        (read.signed_by(&key), read.signatures.len()),
        (Some(true), 2)
    );
    let changed = note.replacen("\n42\n", "\n43\n", 1);
    let read = SignedCheckpoint::parse(&changed).unwrap();
    assert_eq!(read.signed_by(&key), Some(false));

    for wrong in [
        "",
        "kith\n1\n",
        &note.replacen("\n42\n", "\n042\n", 1),
        &note.replacen("\n42\n", "\n-1\n", 1),
        note.trim_end(),
        &note.replace('\u{2014}', "-"),
        &"x".repeat(100_000),
    ] {
        assert!(SignedCheckpoint::parse(wrong).is_err(), "{wrong}");
    }
}
