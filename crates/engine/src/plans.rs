//! Plans at hand. A plan is made once for all who are asked the same by one version's policies, and is
//! dropped with the version.

use kith_domain::id::WorkspaceId;
use kith_policy::{Asker, Plan, PlanKey, SharedPlan};
use quick_cache::sync::Cache;

use crate::definitions::Version;

/// Most plans that are kept at hand: one for each purpose and set of answers about the actor that some
/// policy asks for, such as a set of roles. A large one takes some 100 KB.
const CACHED_PLANS: usize = 1_000;

pub(crate) struct Plans(Cache<Key, SharedPlan>);

type Key = (WorkspaceId, u64, PlanKey);

impl Plans {
    pub(crate) fn new() -> Self {
        Self(Cache::new(CACHED_PLANS))
    }

    /// The plan of an asker under a version.
    pub(crate) fn get(&self, workspace: WorkspaceId, version: &Version, asker: Asker) -> Plan {
        let key = (workspace, version.number, asker.key().clone());
        let shared = self.0.get(&key).unwrap_or_else(|| {
            let shared = version.policies.share(asker.key());
            self.0.insert(key, shared.clone());
            shared
        });
        shared.bind(asker)
    }

    /// How many plans were at hand when they were asked for, and how many were not.
    pub(crate) fn hits_and_misses(&self) -> (u64, u64) {
        (self.0.hits(), self.0.misses())
    }

    /// Drops the plans of versions before this one.
    pub(crate) fn drop_before(&self, workspace: WorkspaceId, version: u64) {
        self.0
            .retain(|(of, number, _), _| *of != workspace || *number >= version);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kith_domain::definitions::SourceFile;
    use kith_domain::id::{AgentId, KeyId, MemberId};
    use kith_domain::{Actor, Agent, AgentKind, Member, Principal, Purpose};
    use uuid::Uuid;

    use super::*;

    const WORKSPACE: WorkspaceId = WorkspaceId(1);

    fn version(number: u64, policies: &str) -> Version {
        let field = |key: &str| {
            format!(
                "[{key}]\ntype = \"string\"\nowner = \"RevOps\"\ndescription = \"Any.\"\nsources = [\"http\"]\nsensitivity = \"internal\"\n"
            )
        };
        let file = |path: &str, text: &str| SourceFile {
            path: path.into(),
            text: text.into(),
        };
        let files = vec![
            file("workspace.toml", "edition = 2026"),
            file(
                "fields/account.toml",
                &(field("region") + &field("ownerId")),
            ),
            file("policies/all.kith", policies),
        ];
        let (definitions, policies, _) = crate::definitions::check(files).unwrap();
        Version {
            number,
            hash: String::new(),
            definitions,
            policies,
        }
    }

    fn member(number: u128, roles: &[&str], regions: &[&str]) -> Actor {
        let set = |words: &[&str]| words.iter().map(|word| Arc::from(*word)).collect();
        Actor {
            credential: KeyId::from_uuid(Uuid::from_u128(number)),
            principal: Principal::Member(Arc::new(Member {
                id: MemberId::from_uuid(Uuid::from_u128(number)),
                name: format!("member-{number}").into(),
                roles: set(roles),
                teams: set(&[]),
                sites: set(&[]),
                regions: set(regions),
            })),
            on_behalf_of: None,
        }
    }

    fn agent(for_member: Option<Actor>) -> Actor {
        let member = for_member.and_then(|actor| actor.member().cloned());
        Actor {
            credential: KeyId::NIL,
            principal: Principal::Agent(Arc::new(Agent {
                id: AgentId::NIL,
                name: "drafter".into(),
                kind: AgentKind::Ai,
            })),
            on_behalf_of: member,
        }
    }

    fn asker(version: &Version, actor: &Actor) -> Asker {
        version.policies.asker(actor, Purpose::SupportView)
    }

    /// How many plans these actors need between them.
    fn check(policies: &str, actors: &[Actor], expect: usize) {
        let (version, plans) = (version(1, policies), Plans::new());
        for actor in actors.iter().chain(actors) {
            plans.get(WORKSPACE, &version, asker(&version, actor));
        }
        assert_eq!(plans.0.len(), expect, "{policies}");
    }

    #[test]
    fn members_of_whom_the_same_is_asked_share_a_plan() {
        let roles = r#"allow support.view when user.role == "support""#;
        let many: Vec<_> = (0..500).map(|id| member(id, &["support"], &[])).collect();
        check(roles, &many, 1);
        check(
            roles,
            &[
                member(1, &["support"], &["eu"]),
                member(2, &["support"], &[]),
            ],
            1,
        );
        check(
            roles,
            &[member(1, &["success"], &[]), member(2, &[], &[])],
            1,
        );
        let mine =
            "allow support.view when account.ownerId == user.id or account.ownerId == user.name";
        check(mine, &many, 1);
        let one = r#"forbid support.view when user.name == "member-7""#;
        check(one, &many, 2);
    }

    #[test]
    fn whoever_is_asked_another_thing_does_not() {
        let roles = r#"allow support.view when user.role == "support""#;
        check(
            roles,
            &[member(1, &["support"], &[]), member(2, &["success"], &[])],
            2,
        );
        let regions = "limit account to account.region in user.regions";
        check(
            regions,
            &[
                member(1, &[], &["eu"]),
                member(2, &[], &["eu", "us"]),
                member(3, &["support"], &["eu"]),
            ],
            2,
        );
        check(
            roles,
            &[
                member(1, &["support"], &[]),
                agent(None),
                agent(Some(member(1, &["support"], &[]))),
            ],
            3,
        );
    }

    #[test]
    fn a_new_version_has_plans_of_its_own_and_drops_the_old_ones() {
        let (plans, sam) = (Plans::new(), member(1, &["support"], &[]));
        let other = WorkspaceId(2);
        let old = version(1, "allow support.view");
        let new = version(2, "forbid support.view");
        for workspace in [WORKSPACE, other] {
            let plan = plans.get(workspace, &old, asker(&old, &sam));
            assert!(plan.refusal().is_none());
        }
        let plan = plans.get(WORKSPACE, &new, asker(&new, &sam));
        assert!(plan.refusal().is_some());
        assert_eq!(plans.0.len(), 3);
        plans.drop_before(WORKSPACE, 2);
        assert_eq!(plans.0.len(), 2);
    }
}
