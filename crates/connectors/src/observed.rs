//! When something was observed: the sender's time, corrected by how far its clock is off.

use kith_domain::Timestamp;
use kith_domain::fact::Fault;

use crate::entries::Entries;
use crate::original::fault;

/// Times before the year 2000 are no observations but clocks that were never set.
const EARLIEST: Timestamp = Timestamp::from_micros(946_684_800_000_000);

/// What is known about the clocks of one delivery.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// By our clock.
    pub(crate) received_at: Timestamp,
    /// By the sender's clock, if it said so.
    pub(crate) sent_at: Option<Timestamp>,
}

impl Times {
    /// `receivedAt − (sentAt − claimed)`, never later than it was received; `None` if that is
    /// before the year 2000.
    pub(crate) fn observed(self, claimed: Timestamp) -> Option<Timestamp> {
        let behind = self
            .sent_at
            .map_or(0, |sent| self.received_at.micros_since(sent));
        let corrected = claimed.plus_micros(behind);
        (corrected >= EARLIEST).then(|| corrected.min(self.received_at))
    }
}

/// When a message says that it was observed, by the first of these keys that it has; the time of
/// receipt, with a fault, if what stands there is none.
pub(crate) fn at(
    top: &Entries<'_>,
    keys: &[&'static str],
    times: Times,
    faults: &mut Vec<Fault>,
) -> Timestamp {
    let Some(key) = keys.iter().find(|key| top.get(key).is_some()) else {
        return times.received_at;
    };
    let claimed = top.text(key).and_then(|at| Timestamp::parse(&at));
    claimed.and_then(|at| times.observed(at)).unwrap_or_else(|| {
        let detail = "expected a time since the year 2000, such as `2026-01-31T12:00:00Z`; took the time of receipt";
        faults.push(fault(*key, "malformed-time", detail));
        times.received_at
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_senders_clock_is_corrected_and_the_future_clamped() {
        let check = |claimed: &str, sent: Option<&str>, expect: Option<&str>| {
            let times = Times {
                received_at: Timestamp::parse("2026-11-24T12:00:00Z").unwrap(),
                sent_at: sent.and_then(Timestamp::parse),
            };
            let observed = times.observed(Timestamp::parse(claimed).unwrap());
            assert_eq!(
                observed,
                expect.and_then(Timestamp::parse),
                "{claimed} {sent:?}"
            );
        };
        let sent = Some("2026-11-24T12:00:00Z");
        check("2026-11-24T11:59:00Z", sent, Some("2026-11-24T11:59:00Z"));
        check("2026-11-24T11:59:00Z", None, Some("2026-11-24T11:59:00Z"));
        // An hour fast, an hour slow: the distance between happening and sending is what counts.
        check(
            "2026-11-24T12:59:00Z",
            Some("2026-11-24T13:00:00Z"),
            Some("2026-11-24T11:59:00Z"),
        );
        check(
            "2026-11-24T10:59:00Z",
            Some("2026-11-24T11:00:00Z"),
            Some("2026-11-24T11:59:00Z"),
        );
        check(
            "1970-01-01T00:00:10Z",
            Some("1970-01-01T00:01:10Z"),
            Some("2026-11-24T11:59:00Z"),
        );
        // Later than it was sent, later than it was received: it is neither.
        check("2026-11-24T12:30:00Z", sent, sent);
        check("2030-01-01", None, sent);
        // A clock that was never set.
        check("1970-01-01", sent, None);
        check("1970-01-01", None, None);
        check("0000-01-01", Some("9999-12-30"), None);
    }
}
