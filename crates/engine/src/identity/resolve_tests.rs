//! Whom edges join, written as small pictures.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

/// Nodes written as `userId:ada` (known) or `?anonymousId:x` (unknown), edges as `a=b` (server) or
/// `a~b` (public); the clusters come back as sorted lists of values.
fn check(nodes: &[&str], edges: &[&str], expect: &[&[&str]]) {
    let nodes: Vec<Node> = nodes
        .iter()
        .enumerate()
        .map(|(n, text)| node(n as u128, text))
        .collect();
    let edges: Vec<Edge> = edges.iter().map(|text| edge(&nodes, text)).collect();
    let got = clusters(&nodes, &edges);
    let expect: Vec<Vec<String>> = expect
        .iter()
        .map(|cluster| cluster.iter().map(ToString::to_string).collect())
        .collect();
    assert_eq!(got, expect);
}

fn node(n: u128, text: &str) -> Node {
    let known = !text.starts_with('?');
    let (kind, value) = text.trim_start_matches('?').split_once(':').unwrap();
    let identifier = Identifier::new(kind.parse().unwrap(), value).unwrap();
    Node {
        id: NodeId::from_uuid(Uuid::from_u128(n + 1)),
        identifier,
        known,
    }
}

fn edge(nodes: &[Node], text: &str) -> Edge {
    let (trust, separator) = if text.contains('=') {
        (Trust::Server, '=')
    } else {
        (Trust::Public, '~')
    };
    let (a, b) = text.split_once(separator).unwrap();
    let find = |value: &str| {
        nodes
            .iter()
            .find(|node| node.identifier.value() == value)
            .unwrap()
            .id
    };
    Edge {
        a: find(a),
        b: find(b),
        trust,
    }
}

fn clusters(nodes: &[Node], edges: &[Edge]) -> Vec<Vec<String>> {
    let name = |id: &NodeId| {
        nodes
            .iter()
            .find(|node| node.id == *id)
            .unwrap()
            .identifier
            .value()
            .to_owned()
    };
    resolve(nodes, edges, &[])
        .clusters
        .iter()
        .map(|cluster| cluster.iter().map(name).collect())
        .collect()
}

#[test]
fn a_user_id_gathers_its_email_and_browser() {
    check(
        &["userId:ada", "email:ada@example.com", "?anonymousId:x"],
        &["ada=ada@example.com", "ada~x"],
        &[&["ada", "ada@example.com", "x"]],
    );
}

#[test]
fn a_shared_browser_does_not_make_two_users_one() {
    check(
        &["userId:ada", "userId:bob", "anonymousId:x"],
        &["ada=x", "bob=x"],
        &[&["ada", "x"], &["bob"]],
    );
}

#[test]
fn a_shared_mailbox_goes_to_one_user_and_joins_no_two() {
    check(
        &["userId:ada", "userId:bob", "email:team@example.com"],
        &["bob=team@example.com", "ada=team@example.com"],
        &[&["ada", "team@example.com"], &["bob"]],
    );
}

#[test]
fn a_public_key_joins_a_browser_to_a_user_but_never_two_known_people() {
    check(
        &["userId:ada", "?anonymousId:x"],
        &["ada~x"],
        &[&["ada", "x"]],
    );
    check(
        &["userId:ada", "email:eve@example.com"],
        &["ada~eve@example.com"],
        &[&["ada"], &["eve@example.com"]],
    );
}

#[test]
fn a_public_key_gives_a_known_person_no_address_to_be_found_by() {
    check(
        &["userId:ada", "?email:eve@example.com"],
        &["ada~eve@example.com"],
        &[&["ada"], &["eve@example.com"]],
    );
    check(
        &["email:ada@example.com", "?userId:eve"],
        &["eve~ada@example.com"],
        &[&["eve"], &["ada@example.com"]],
    );
    // Nor by way of a browser.
    check(
        &["userId:ada", "?email:eve@example.com", "?anonymousId:x"],
        &["ada~x", "eve@example.com~x"],
        &[&["ada", "x"], &["eve@example.com"]],
    );
    // Nobody knows any of them yet.
    check(
        &["?userId:ada", "?email:ada@example.com", "?anonymousId:x"],
        &["ada~x", "ada~ada@example.com"],
        &[&["ada", "ada@example.com", "x"]],
    );
}

#[test]
fn what_a_server_says_comes_before_what_a_browser_said() {
    check(
        &["userId:ada", "userId:bob", "email:bob@example.com"],
        &["ada~bob@example.com", "bob=bob@example.com"],
        &[&["ada"], &["bob", "bob@example.com"]],
    );
}

#[test]
fn a_person_has_at_most_five_emails() {
    let emails: Vec<String> = (0..7).map(|n| format!("email:{n}@example.com")).collect();
    let mut nodes = vec!["userId:ada"];
    nodes.extend(emails.iter().map(String::as_str));
    let edges: Vec<String> = (0..7).map(|n| format!("ada={n}@example.com")).collect();
    let edges: Vec<&str> = edges.iter().map(String::as_str).collect();
    check(
        &nodes,
        &edges,
        &[
            &[
                "ada",
                "0@example.com",
                "1@example.com",
                "2@example.com",
                "3@example.com",
                "4@example.com",
            ],
            &["5@example.com"],
            &["6@example.com"],
        ],
    );
}

/// A decision: `a|b`, `c` is that nothing joins `a` or `b` with `c`; `a+b` that they are one.
fn decided(nodes: &[Node], text: &str, number: u128) -> Vec<DecidedRow> {
    let (kind, sides): (_, Vec<&str>) = match text.split_once('+') {
        Some((a, b)) => (DecisionKind::Merge, vec![a, b]),
        None => (DecisionKind::Apart, text.split(',').collect()),
    };
    let mut rows = Vec::new();
    for (side, values) in (0..).zip(sides) {
        for value in values.split('|') {
            let node = nodes.iter().find(|node| node.identifier.value() == value);
            rows.push(DecidedRow {
                decision: DecisionId::from_uuid(Uuid::from_u128(number)),
                kind,
                side,
                node: node.unwrap().id,
            });
        }
    }
    rows
}

fn names(nodes: &[Node], clusters: &[Vec<NodeId>]) -> Vec<Vec<String>> {
    let name = |id: &NodeId| {
        let node = nodes.iter().find(|node| node.id == *id).unwrap();
        node.identifier.value().to_owned()
    };
    let clusters = clusters.iter();
    clusters
        .map(|cluster| cluster.iter().map(name).collect())
        .collect()
}

#[test]
fn what_people_decided_comes_before_every_edge() {
    let texts = [
        "userId:ada",
        "userId:bob",
        "userId:cy",
        "email:team@example.com",
        "anonymousId:x",
    ];
    let nodes: Vec<Node> = (0..).zip(texts).map(|(n, text)| node(n, text)).collect();
    let edges = [
        "ada=team@example.com",
        "bob=team@example.com",
        "cy=x",
        "bob=x",
    ];
    let edges: Vec<Edge> = edges.iter().map(|text| edge(&nodes, text)).collect();
    let check = |decisions: &[&str], expect: &[&[&str]], fates: [&str; 4]| {
        let rows = decisions.iter().zip(1..);
        let rows: Vec<_> = rows
            .flat_map(|(text, n)| decided(&nodes, text, n))
            .collect();
        let resolved = resolve(&nodes, &edges, &rows);
        let got = resolved.fates.iter().map(|fate| format!("{fate:?}"));
        assert_eq!(got.collect::<Vec<_>>(), fates, "{decisions:?}");
        assert_eq!(names(&nodes, &resolved.clusters), expect, "{decisions:?}");
    };
    let (yes, limit) = ("Accepted", "Limit(UserId)");
    check(
        &[],
        &[&["ada", "team@example.com"], &["bob", "x"], &["cy"]],
        [yes, limit, limit, yes],
    );
    // Two product keys, because somebody said so; but no third one.
    check(
        &["ada+bob"],
        &[&["ada", "bob", "team@example.com", "x"], &["cy"]],
        [yes, yes, limit, yes],
    );
    check(
        &["ada,team@example.com"],
        &[&["ada"], &["bob", "team@example.com", "x"], &["cy"]],
        ["Apart", yes, limit, yes],
    );
    check(
        &["ada|bob,team@example.com", "bob,x"],
        &[&["ada"], &["bob"], &["cy", "x"], &["team@example.com"]],
        ["Apart", "Apart", yes, "Apart"],
    );
    // Of both at once less is joined.
    check(
        &["ada+bob", "ada,bob"],
        &[&["ada", "team@example.com"], &["bob", "x"], &["cy"]],
        [yes, "Apart", limit, yes],
    );
}

const POOL: [&str; 8] = [
    "userId:ada",
    "userId:bob",
    "email:ada@example.com",
    "?email:eve@example.com",
    "anonymousId:x",
    "?anonymousId:y",
    "deviceId:phone",
    "?userId:mal",
];

proptest! {
    /// Any order of nodes and edges, any numbering of nodes: the same people.
    #[test]
    fn the_set_of_edges_decides_and_not_their_order(
        pairs in proptest::collection::vec((0..8_usize, 0..8_usize, any::<bool>()), 0..20),
        decisions in proptest::collection::vec((0..8_usize, 0..8_usize, any::<bool>()), 0..4),
        numbering in Just((0..8_u128).collect::<Vec<_>>()).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let straight: Vec<Node> = POOL.iter().zip(0..).map(|(text, n)| node(n, text)).collect();
        let mut shuffled: Vec<Node> = POOL.iter().zip(&numbering).map(|(text, n)| node(*n, text)).collect();
        let edges_of = |nodes: &[Node]| -> Vec<Edge> {
            let id = |at: usize| {
                let (_, value) = POOL[at].split_once(':').unwrap();
                nodes.iter().find(|node| node.identifier.value() == value).unwrap().id
            };
            pairs
                .iter()
                .filter(|(a, b, _)| a != b)
                .map(|(a, b, server)| Edge {
                    a: id(*a),
                    b: id(*b),
                    trust: if *server { Trust::Server } else { Trust::Public },
                })
                .collect()
        };
        let mut turned = edges_of(&shuffled);
        if !turned.is_empty() {
            let middle = seed as usize % turned.len();
            turned.rotate_left(middle);
            turned.reverse();
        }
        let middle = seed as usize % shuffled.len();
        shuffled.rotate_left(middle);
        let of = |nodes: &[Node], edges: &[Edge], numbers: [u128; 4]| {
            let value = |at: usize| POOL[at].split_once(':').unwrap().1;
            let said = decisions.iter().filter(|(a, b, _)| a != b).zip(numbers);
            let said = said.flat_map(|((a, b, merge), number)| {
                let between = if *merge { '+' } else { ',' };
                decided(nodes, &format!("{}{between}{}", value(*a), value(*b)), number)
            });
            names(nodes, &resolve(nodes, edges, &said.collect::<Vec<_>>()).clusters)
        };
        prop_assert_eq!(
            of(&straight, &edges_of(&straight), [1, 2, 3, 4]),
            of(&shuffled, &turned, [7, 6, 9, 8])
        );
    }
}
