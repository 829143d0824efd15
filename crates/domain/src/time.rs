//! Points in time, in microseconds since 1970, UTC: the one form in which Kith stores and compares
//! them.

use std::fmt;

/// Microseconds in one second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest point that RFC 3339 can write: the year 0.
    const MIN: i64 = -62_167_219_200_000_000;
    /// The latest point that can be written in every UTC offset: close to the end of the year 9999.
    const MAX: i64 = 253_402_207_200_000_000;

    /// From microseconds since 1970; clamped to the years 0 to 9999, so that every timestamp can be
    /// written as RFC 3339.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN {
            Self(Self::MIN)
        } else if micros > Self::MAX {
            Self(Self::MAX)
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, or a date alone (midnight UTC).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Self::from_micros(at.as_microsecond()));
        }
        let is_date_alone = text.len() == "2026-01-31".len();
        let date = text
            .parse::<jiff::civil::Date>()
            .ok()
            .filter(|_| is_date_alone)?;
        let at = jiff::tz::Offset::UTC
            .to_timestamp(date.to_datetime(jiff::civil::Time::midnight()))
            .ok()?;
        Some(Self::from_micros(at.as_microsecond()))
    }

    /// This point moved by a number of microseconds.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to this point; negative if `earlier` is later.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The calendar year, UTC.
    #[must_use]
    pub fn year(self) -> i16 {
        self.to_jiff()
            .map_or(0, |at| jiff::tz::Offset::UTC.to_datetime(at).year())
    }

    fn to_jiff(self) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_microsecond(self.0).ok()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_jiff() {
            Some(at) => write!(f, "{at}"),
            None => write!(f, "{}µs", self.0),
        }
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Reads a length of time: `90s`, `15 minutes`, `30 days`, or ISO 8601 (`P30D`, `PT15M`), in
/// microseconds. Months and years have no fixed length and are refused.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let span: jiff::Span = text.trim().parse().ok()?;
    if span.get_months() != 0 || span.get_years() != 0 {
        return None;
    }
    let total = span
        .total(jiff::SpanTotal::from(jiff::Unit::Microsecond).days_are_24_hours())
        .ok()?;
    // Whole microseconds below 2^53 are exact in a double; longer spans (285 years) are refused.
    (total.abs() < 9_007_199_254_740_992.0).then_some(total as i64)
}

/// Writes a length of time in microseconds as ISO 8601, `PT36H`.
#[must_use]
pub fn format_duration(micros: i64) -> String {
    jiff::SignedDuration::from_micros(micros).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_read_and_write_rfc_3339() {
        let at = Timestamp::parse("2026-11-24T05:47:06.25Z").unwrap();
        assert_eq!(at.to_string(), "2026-11-24T05:47:06.25Z");
        assert_eq!(Timestamp::parse("2026-11-24T07:47:06.25+02:00"), Some(at));
        assert_eq!(
            Timestamp::parse("2026-11-24").unwrap().to_string(),
            "2026-11-24T00:00:00Z"
        );
        assert_eq!(Timestamp::parse("yesterday"), None);
        assert_eq!(at.year(), 2026);
    }

    #[test]
    fn extremes_are_clamped_to_what_can_be_written() {
        assert_eq!(Timestamp::from_micros(i64::MAX).year(), 9999);
        assert_eq!(Timestamp::from_micros(i64::MIN).year(), 0);
    }

    #[test]
    fn durations_read_words_and_iso() {
        assert_eq!(
            parse_duration("30 days"),
            Some(30 * 86_400 * MICROS_PER_SECOND)
        );
        assert_eq!(parse_duration("PT15M"), Some(900 * MICROS_PER_SECOND));
        assert_eq!(parse_duration("1 month"), None);
        assert_eq!(parse_duration("soon"), None);
        assert_eq!(format_duration(36 * 3_600 * MICROS_PER_SECOND), "PT36H");
    }
}
