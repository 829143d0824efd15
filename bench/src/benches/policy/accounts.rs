//! The rows that are decided: accounts of which every tenth value is absent.

use kith_domain::{Catalog, Decimal, Value};
use kith_policy::Row;

use super::workload::{EURO, READ};

/// A value as engines without types of their own take it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Plain<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
}

fn plain(text: &Option<String>) -> Option<Plain<'_>> {
    text.as_deref().map(Plain::Text)
}

/// So many accounts, of which so many are different.
pub(in crate::benches) fn accounts(count: usize, different: usize) -> Vec<Account> {
    let mut dice = Dice(7);
    let some: Vec<_> = (0..different).map(|_| Account::roll(&mut dice)).collect();
    some.into_iter().cycle().take(count).collect()
}

/// An account as a program without a policy engine would hold it. Money is in millionths of euros.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::benches) struct Account {
    pub(super) country: Option<String>,
    pub(super) health: Option<i64>,
    pub(super) is_trial: Option<bool>,
    pub(super) owner: Option<String>,
    pub(super) payment_state: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) region: Option<String>,
    pub(super) revenue: Option<i64>,
    pub(super) seats: Option<i64>,
    pub(super) segment: Option<String>,
    pub(super) tier: Option<String>,
    pub(super) usage: Option<i64>,
}

impl Account {
    /// Moves it where those who look after one region see it.
    pub(in crate::benches) fn in_view(mut self, region: &str) -> Self {
        self.region = Some(region.to_owned());
        self.plan = Some("growth".to_owned());
        self
    }

    fn roll(dice: &mut Dice) -> Self {
        Self {
            country: dice.pick(&["de", "fr", "us", "jp"]),
            health: dice.number(100),
            is_trial: dice.number(2).map(|side| side == 1),
            owner: dice.pick(&["ada", "bob", "cy"]),
            payment_state: dice.pick(&["ok", "ok", "late"]),
            plan: dice.pick(&["trial", "growth", "enterprise", "internal"]),
            region: dice.pick(&["eu", "us", "apac"]),
            revenue: dice.number(10_000).map(|euros| euros * EURO),
            seats: dice.number(200),
            segment: dice.pick(&["smb", "partner", "internal"]),
            tier: dice.pick(&["gold", "silver", "bronze"]),
            usage: dice.number(1_000),
        }
    }

    /// The values by key.
    pub(super) fn values(&self) -> [(&'static str, Option<Plain<'_>>); READ.len()] {
        [
            ("country", plain(&self.country)),
            ("health", self.health.map(Plain::Number)),
            ("isTrial", self.is_trial.map(Plain::Flag)),
            ("owner", plain(&self.owner)),
            ("paymentState", plain(&self.payment_state)),
            ("plan", plain(&self.plan)),
            ("region", plain(&self.region)),
            ("revenue", self.revenue.map(Plain::Number)),
            ("seats", self.seats.map(Plain::Number)),
            ("segment", plain(&self.segment)),
            ("tier", plain(&self.tier)),
            ("usage", self.usage.map(Plain::Number)),
        ]
    }

    pub(super) fn row(&self, catalog: &Catalog) -> Row {
        let mut row = Row::new();
        for (key, value) in self.values() {
            let Some(idx) = catalog.find(&format!("account.{key}")) else {
                continue;
            };
            let value = value.map(|value| match value {
                Plain::Text(text) => Value::String(text.into()),
                Plain::Number(micros) if key == "revenue" => Value::Decimal(Decimal {
                    micros,
                    currency: "EUR".parse().ok(),
                }),
                Plain::Number(number) => Value::Int(number),
                Plain::Flag(flag) => Value::Bool(flag),
            });
            if let Some(value) = value {
                row.set(idx, value);
            }
        }
        row
    }
}

/// Numbers that look random and are the same in every run.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: i64) -> i64 {
        let Self(state) = self;
        *state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        i64::try_from(*state >> 33).unwrap_or_default() % sides
    }

    /// Absent every tenth time.
    fn number(&mut self, sides: i64) -> Option<i64> {
        (self.roll(10) > 0).then(|| self.roll(sides))
    }

    fn pick(&mut self, texts: &[&str]) -> Option<String> {
        let place = self.number(i64::try_from(texts.len()).unwrap_or(1))?;
        let text = texts.get(usize::try_from(place).ok()?)?;
        Some((*text).to_owned())
    }
}
