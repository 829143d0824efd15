//! The SQL of typical questions, and what each engine makes of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use kith_domain::id::{AccountId, KeyId, MemberId, WorkspaceId};
use kith_domain::{Actor, Entity, Member, Principal, Purpose, Timestamp, Value};
use kith_policy::predicate::{RowPredicate, Sort};
use kith_testkit::{Cluster, Folder};
use serde_json::json;

use super::{Access, Bound, OrderBy, Probe, Sql, probes};
use crate::db::param::Param;
use crate::db::row::Row;
use crate::field_index::Changed;
use crate::lists::{After, Key, count_sql, list_sql};
use crate::profiles::Profile;
use crate::{Db, Engine, Scope, StoreError, StoreUrl, field_index, profiles, workspaces};

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

/// A question as somebody asks it.
#[derive(Clone, Copy)]
struct Asked {
    name: &'static str,
    policies: &'static str,
    filter: &'static str,
    sort: &'static [(&'static str, bool)],
    /// What the page before ended with.
    after: fn() -> Option<Vec<Option<Key>>>,
}

const PLAIN: Asked = Asked {
    name: "everything in view",
    policies: "allow support.view\n\nlimit account to account.region in user.regions\n",
    filter: "",
    sort: &[],
    after: || None,
};

/// Whoever asks has this region.
fn sam() -> Actor {
    let set = |words: &[&str]| words.iter().map(|word| Arc::from(*word)).collect();
    Actor {
        credential: KeyId::NIL,
        principal: Principal::Member(Arc::new(Member {
            id: MemberId::NIL,
            name: "sam".into(),
            roles: set(&["support"]),
            teams: set(&[]),
            sites: set(&[]),
            regions: set(&["eu-west-3"]),
        })),
        on_behalf_of: None,
    }
}

fn now() -> Timestamp {
    Timestamp::parse("2026-11-24T12:00:00Z").unwrap()
}

/// The rows, the order, and the fields that the index holds whole.
fn read(asked: Asked) -> (RowPredicate, Vec<OrderBy>, BTreeSet<String>) {
    let files = Folder::with_policies(asked.policies).into_files();
    let (definitions, _) = kith_domain::definitions::read_folder(files).unwrap();
    let (policies, _) = kith_policy::check(&definitions).unwrap();
    let plan = policies.specialise(&sam(), Purpose::SupportView);
    let filter = (!asked.filter.is_empty()).then(|| {
        let filter = policies.filter(asked.filter).unwrap();
        plan.govern(&filter).unwrap()
    });
    let catalog = &definitions.catalog;
    let order = asked.sort.iter().map(|(path, descending)| {
        match plan.sort(Entity::Account, catalog.find(path).unwrap()) {
            Ok(Sort::Column { column, shown }) => OrderBy {
                column,
                shown,
                descending: *descending,
            },
            other => panic!("{other:?}"),
        }
    });
    let filterable = catalog.fields().iter().filter(|field| field.filterable);
    let indexed = filterable.map(|field| field.path.to_string()).collect();
    let rows = plan.rows(Entity::Account, filter.as_ref());
    assert!(rows.is_exact, "{}", asked.name);
    (rows, order.collect(), indexed)
}

type Statement = (String, Vec<Bound>);

/// The texts of a list and of a count, as if each test that the index answers had so many entries.
fn statements(
    asked: Asked,
    engine: Engine,
    workspace: WorkspaceId,
    counts: &[i64],
) -> [Statement; 2] {
    let (rows, order, indexed) = read(asked);
    let mut access = Access::new("account", &rows, now(), &indexed);
    let page = match order.is_empty() {
        true => Probe::Page,
        false => Probe::All,
    };
    let new = || Sql::new(engine, workspace.0.cast_signed(), now());
    access.choose(engine, page, counts);
    let mut list = new();
    let after = (asked.after)().map(|keys| After {
        keys,
        id: AccountId::NIL,
    });
    let list_text = list_sql(&access, &mut list, &order, after.as_ref(), 50);
    access.choose(engine, Probe::All, counts);
    let mut count = new();
    let count_text = count_sql(&access, &mut count);
    [(list_text, list.params), (count_text, count.params)]
}

const QUESTIONS: &[Asked] = &[
    PLAIN,
    Asked {
        name: "one value of an indexed field more, from the second page on",
        filter: "account.plan == \"growth\"",
        after: || Some(Vec::new()),
        ..PLAIN
    },
    Asked {
        name: "no indexed field",
        policies: "allow support.view\n",
        filter: "account.seats > 7310 and account.paymentState != \"late\"",
        ..PLAIN
    },
    Asked {
        name: "alternatives, times and an order",
        policies: "allow support.view\nwhen account.plan != \"enterprise\"\n\
                   and account.signupAt < now - 8230 days\n",
        filter: "account.seats > 7310 \
                 and not (account.name == \"Example O'Works\" or account.paymentState == \"late\")",
        sort: &[("account.plan", false), ("account.seats", true)],
        after: || {
            Some(vec![
                Some(Key::Text("trial".to_owned())),
                Some(Key::Number(7_777)),
            ])
        },
    },
    Asked {
        name: "hidden on some accounts",
        policies: "allow support.view\n\nhide account.seats\nwhen account.plan == \"enterprise\"\n",
        filter: "account.seats is absent or account.seats == 7310",
        sort: &[("account.seats", false)],
        after: || Some(vec![None]),
    },
    Asked {
        name: "money",
        policies: "allow support.view\n\nshow account.privateRevenue\n",
        filter: "account.privateRevenue >= 7310 and account.privateRevenue != 8230 USD",
        sort: &[("account.privateRevenue", true)],
        after: || Some(vec![Some(Key::Money("CHF".to_owned(), 7_777))]),
    },
    Asked {
        name: "one of several",
        policies: "allow support.view\n",
        filter: "account.plan in [\"growth\", \"trial\"] and account.name in [\"[7310]\", \"8230\"]",
        ..PLAIN
    },
];

/// What somebody wrote between quotes or in digits, and what a cursor holds.
fn literals(asked: Asked) -> BTreeSet<String> {
    let written = format!("{} {}", asked.policies, asked.filter);
    let quoted = written.split('"').skip(1).step_by(2).map(str::to_owned);
    let digits = written.split(|letter: char| !letter.is_ascii_digit());
    let digits = digits.filter(|digits| digits.len() > 2).map(str::to_owned);
    let fixed = ["eu-west-3", "USD", "EUR", "CHF", "7777"].map(str::to_owned);
    quoted.chain(digits).chain(fixed).collect()
}

#[test]
fn the_sql_of_typical_questions_holds_no_value() {
    let mut shown = String::new();
    for asked in QUESTIONS {
        for engine in ENGINES {
            let [(list, params), (count, _)] = statements(*asked, engine, WorkspaceId(1), &[]);
            let kinds: Vec<_> = params.iter().map(kind).collect();
            let _ = writeln!(
                shown,
                "-- {}, {engine:?}\n{list}\n-- {}\n{count}\n",
                asked.name,
                kinds.join(", ")
            );
            for literal in literals(*asked) {
                for text in [&list, &count] {
                    assert!(!text.contains(&literal), "`{literal}` in\n{text}");
                }
            }
        }
    }
    insta::assert_snapshot!(shown);
}

fn kind(bound: &Bound) -> &'static str {
    match bound {
        Bound::Int(_) => "int",
        Bound::Text(_) => "text",
        Bound::Bytes(_) => "bytes",
    }
}

#[test]
fn the_rarest_test_leads_and_the_others_are_looked_up() {
    let asked = Asked {
        filter: "account.plan == \"growth\" and account.name == \"Acme\" and account.name < \"B\"",
        ..PLAIN
    };
    let text = |engine, counts: &[i64], probe| {
        let (rows, _, indexed) = read(asked);
        let mut access = Access::new("account", &rows, now(), &indexed);
        assert!(access.asks(probe));
        let mut sql = Sql::new(engine, 1, now());
        let probes = probes(&access, &mut sql, probe);
        assert_eq!(probes.matches("count(*)").count(), 4);
        access.choose(engine, probe, counts);
        access.render(&mut sql, true)
    };
    let leads = |counts: &[i64], probe| {
        let text = text(Engine::Postgres, counts, probe);
        let led = text.split("i.field = '").nth(1);
        led.and_then(|led| led.split('\'').next())
            .unwrap_or("accounts")
            .to_owned()
    };
    let many = Probe::All.rare() + 1;
    // In the order of the conjuncts: region, plan, name, name.
    assert_eq!(leads(&[many, many, 7, 9], Probe::Page), "account.name");
    assert_eq!(leads(&[many, 3, 7, 0], Probe::All), "account.name");
    assert_eq!(leads(&[many, 3, 7, many], Probe::All), "account.plan");
    assert_eq!(leads(&[many; 4], Probe::Page), "account.region");
    assert_eq!(leads(&[many; 4], Probe::All), "account.region");

    // SQLite walks the frequent keys side by side if all rows are wanted, and looks the range up.
    let side_by_side = text(Engine::Sqlite, &[many; 4], Probe::All);
    assert_eq!(side_by_side.matches("INTERSECT").count(), 2);
    assert_eq!(side_by_side.matches("EXISTS").count(), 1);
    for (counts, probe) in [(&[many; 4], Probe::Page), (&[many, many, 7, 9], Probe::All)] {
        assert!(!text(Engine::Sqlite, counts, probe).contains("INTERSECT"));
    }
}

#[test]
fn long_alternatives_stay_shallow() {
    let parts = (0..2_400).map(|number| number.to_string()).collect();
    let text = super::nested(parts, " OR ");
    let depth = text.chars().take_while(|letter| *letter == '(').count();
    assert_eq!(depth, 2);
    assert_eq!(text.matches(" OR ").count(), 2_399);
}

/// The steps by which the engine answers a statement.
async fn steps(db: &Db, workspace: WorkspaceId, (text, params): &Statement) -> String {
    let engine = db.engine();
    let explain = match engine {
        Engine::Sqlite => format!("EXPLAIN QUERY PLAN {text}"),
        Engine::Postgres => format!("EXPLAIN (COSTS OFF) {text}"),
    };
    let step = move |row: &Row| {
        let mut columns = row.columns("plan");
        if engine == Engine::Sqlite {
            for name in ["id", "parent", "notused"] {
                columns.int(name)?;
            }
        }
        columns.string("detail")
    };
    let steps: Result<Vec<String>, StoreError> = db
        .read(workspace, |tx| {
            Box::pin(async move {
                let params: Vec<Param<'_>> = params.iter().map(Bound::param).collect();
                let rows = tx.query_once(&explain, &params).await?;
                rows.iter().map(step).collect()
            })
        })
        .await;
    steps.unwrap().join("\n")
}

async fn create_workspace(db: &Db) -> WorkspaceId {
    let workspace = db.write(Scope::Installation, move |tx| {
        Box::pin(async move { workspaces::create(tx, "acme", &[7; 32], now()).await })
    });
    workspace.await.unwrap().id
}

/// Questions of which a bare conjunct is answered by the index.
const INDEXED: &[Asked] = &[
    PLAIN,
    Asked {
        name: "two indexed fields, from the second page on",
        filter: "account.plan == \"growth\"",
        after: || Some(Vec::new()),
        ..PLAIN
    },
    Asked {
        name: "an indexed field and another",
        filter: "account.seats > 10",
        ..PLAIN
    },
    Asked {
        name: "in another order",
        filter: "account.plan == \"growth\"",
        sort: &[("account.seats", true)],
        ..PLAIN
    },
    Asked {
        name: "a range",
        policies: "allow support.view\n",
        filter: "account.name < \"b\"",
        sort: &[("account.seats", false)],
        ..PLAIN
    },
];
const NOT_INDEXED: Asked = Asked {
    name: "no indexed field",
    policies: "allow support.view\n",
    filter: "account.seats > 10",
    ..PLAIN
};

#[tokio::test]
async fn sqlite_walks_along_keys() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::sqlite(&folder.path().join("kith-data"));
    let db = Db::open(&url, "node").await.unwrap();
    let workspace = create_workspace(&db).await;
    let mut shown = String::new();
    for asked in INDEXED.iter().chain([&NOT_INDEXED]) {
        let statements = statements(*asked, Engine::Sqlite, workspace, &[]);
        for (what, statement) in ["list", "count"].into_iter().zip(&statements) {
            let steps = steps(&db, workspace, statement).await;
            // Nothing is walked from end to end but the workspace's own accounts, by their key, and what
            // entries of several keys have in common, as it is found.
            let found = steps.matches("MERGE (INTERSECT)").count();
            assert_eq!(
                steps.matches("SCAN").count(),
                found,
                "{}: {steps}",
                asked.name
            );
            let _ = writeln!(shown, "-- {}: {what}\n{steps}\n", asked.name);
        }
    }
    insta::assert_snapshot!(shown);
}

/// The account with a number: every plan in every region, with some seats.
fn account(number: u32) -> Profile<AccountId> {
    let plan = ["trial", "growth", "enterprise"][number as usize % 3];
    let region = ["eu-west-3", "us-east-1"][number as usize / 3 % 2];
    let mut id = [7; 16];
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    let fields = json!({
        "account.plan": plan,
        "account.region": region,
        "account.name": format!("{number}"),
        "account.seats": number % 40,
    });
    Profile {
        id: AccountId::from_slice(&id).unwrap(),
        created_at: now(),
        updated_at: now(),
        fields: fields.as_object().unwrap().clone(),
        provenance: serde_json::Map::new(),
    }
}

/// The first cells of a statement's rows.
async fn first_cells(
    db: &Db,
    ws: WorkspaceId,
    (text, params): Statement,
    ids: bool,
) -> Vec<String> {
    let read = db.read(ws, move |tx| {
        Box::pin(async move {
            let params: Vec<Param<'_>> = params.iter().map(Bound::param).collect();
            let rows = tx.query_once(&text, &params).await?;
            let cell = |row: &Row| match ids {
                true => row
                    .columns("account")
                    .bytes("id")
                    .map(|id| format!("{id:?}")),
                false => row
                    .columns("account")
                    .int("count")
                    .map(|count| count.to_string()),
            };
            rows.iter().map(cell).collect::<Result<_, StoreError>>()
        })
    });
    read.await.unwrap()
}

#[tokio::test]
async fn every_way_finds_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::sqlite(&folder.path().join("kith-data"));
    let db = Db::open(&url, "node").await.unwrap();
    let workspace = create_workspace(&db).await;
    db.write(workspace, move |tx| {
        Box::pin(async move {
            let accounts: Vec<_> = (0..300).map(account).collect();
            profiles::put(tx, workspace, &accounts).await?;
            for account in &accounts {
                for field in ["account.plan", "account.region", "account.name"] {
                    let value = account.fields[field].as_str().unwrap();
                    let value = Value::String(value.into());
                    let changed = Changed {
                        id: account.id.into(),
                        field,
                        value: Some(&value),
                    };
                    field_index::replace(tx, workspace, &[changed]).await?;
                }
            }
            Ok::<_, StoreError>(())
        })
    })
    .await
    .unwrap();
    let all = Asked {
        filter: "account.plan == \"growth\"",
        sort: &[("account.seats", true)],
        ..PLAIN
    };
    let some = Asked {
        filter: "account.plan == \"growth\" and account.seats > 10 and account.name < \"3\"",
        ..all
    };
    for (asked, expect) in [(all, 50), (some, 27)] {
        // Region is rare; plan is rare; neither is.
        let ways: &[&[i64]] = &[&[9], &[Probe::All.rare() + 1, 9], &[]];
        let mut texts = BTreeSet::new();
        let mut answers = BTreeSet::new();
        for counts in ways {
            let [list, count] = statements(asked, Engine::Sqlite, workspace, counts);
            texts.insert(count.0.clone());
            let listed = first_cells(&db, workspace, list, true).await;
            let counted = first_cells(&db, workspace, count, false).await;
            assert_eq!(counted, [listed.len().to_string()], "{counts:?}");
            answers.insert(listed);
        }
        assert_eq!((texts.len(), answers.len()), (ways.len(), 1));
        assert_eq!(answers.first().unwrap().len(), expect);
    }
}

/// As many accounts as make a difference, in two workspaces, and what the index would hold of them.
const ACCOUNTS: &str = "INSERT INTO account
    (workspace, id, created_at, updated_at, fields, provenance)
    SELECT ?1, sha256(n::text::bytea), 0, 0, jsonb_build_object(
      'account.plan', (ARRAY['trial', 'growth', 'enterprise'])[n % 3 + 1],
      'account.region', (ARRAY['eu-west-3', 'us-east-1'])[n % 2 + 1],
      'account.name', (ARRAY['a', 'c', 'd', 'e', 'f', 'g', 'h', 'i'])[n % 8 + 1],
      'account.seats', n % 100), '{}'
    FROM generate_series(1, 8000) AS n";
const INDEX: &str = "INSERT INTO field_index (workspace, field, value, id)
    SELECT ?1, f.field, (a.fields ->> f.field)::bytea, a.id
    FROM account AS a
    CROSS JOIN (VALUES ('account.plan'), ('account.region'), ('account.name')) AS f (field)
    WHERE a.workspace = ?1";

#[tokio::test]
async fn postgres_walks_along_keys() {
    let database = Cluster::shared().await.unwrap().database().await.unwrap();
    let url = database.url().parse().unwrap();
    let db = Db::open(&url, "node").await.unwrap();
    let workspace = create_workspace(&db).await;
    db.write(workspace, move |tx| {
        Box::pin(async move {
            tx.execute(ACCOUNTS, &[workspace.into()]).await?;
            tx.execute(INDEX, &[workspace.into()]).await?;
            Ok::<_, StoreError>(())
        })
    })
    .await
    .unwrap();
    let owner = database.connect().await.unwrap();
    owner.batch_execute("VACUUM ANALYZE").await.unwrap();
    for asked in INDEXED {
        let name = asked.name;
        let [list, count] = statements(*asked, Engine::Postgres, workspace, &[]);
        let list = steps(&db, workspace, &list).await;
        let count = steps(&db, workspace, &count).await;
        for steps in [&list, &count] {
            let entries = ["field_index_pkey", "field_index_by_id"];
            assert!(
                entries.iter().any(|index| steps.contains(index)),
                "{name}:\n{steps}"
            );
            assert!(
                !steps.contains("Seq Scan on field_index"),
                "{name}:\n{steps}"
            );
        }
        let is_estimated = !asked.filter.contains("seats");
        if asked.sort.is_empty() && is_estimated {
            // A page ends where it is full: rows come in order, one by one. PostgreSQL takes a test within
            // JSON for a rare one, and of so few accounts rather looks at all of them.
            assert!(!list.contains("Sort"), "{name}:\n{list}");
            assert!(!list.contains("Seq Scan"), "{name}:\n{list}");
            assert!(list.contains("account_pkey"), "{name}:\n{list}");
        }
        if is_estimated {
            // Whoever only counts opens no row.
            assert!(!count.contains(" account"), "{name}:\n{count}");
        }
    }
    let [list, count] = statements(NOT_INDEXED, Engine::Postgres, workspace, &[]);
    for statement in [list, count] {
        let steps = steps(&db, workspace, &statement).await;
        assert!(!steps.contains("field_index"), "{steps}");
    }
}
