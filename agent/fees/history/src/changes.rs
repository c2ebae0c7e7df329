//! Runs, decisions and changes: written down before anything is sent.
//!
//! A channel has at most one open change; the database itself refuses a second. It must never let a
//! change end twice.

use crate::rows::{POLICY, id};
use crate::{
    Change, ChangeId, ChangeState, Decided, FeeHistory, HistoryError, Origin, Policy, RunEnd, RunId,
};
use rusqlite::{OptionalExtension, Row, params, params_from_iter, types::Value};

/// Section, strategy, and when it was decided, unix seconds.
pub type DecidedLast = (Option<String>, Option<String>, i64);

/// A change about to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent<'a> {
    /// The run that wants it.
    pub run: Option<RunId>,
    /// The channel.
    pub channel: u64,
    /// Who wants it.
    pub origin: Origin,
    /// Now, unix seconds.
    pub at_s: i64,
    /// Why, for people.
    pub reason: Option<&'a str>,
    /// The change it takes back.
    pub undoes: Option<ChangeId>,
    /// Digest of the rule file.
    pub rules_digest: &'a str,
    /// The policy in force.
    pub old: Policy,
    /// The policy wanted.
    pub new: Policy,
}

impl FeeHistory {
    /// Begins a run of the rules.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn begin_run(
        &self,
        at_s: i64,
        rules_digest: &str,
        dry_run: bool,
    ) -> Result<RunId, HistoryError> {
        let sql = "INSERT INTO runs (began_s, rules_digest, dry_run) VALUES (?1, ?2, ?3)";
        self.wrap(self.connection.execute(sql, params![at_s, rules_digest, dry_run]))?;
        Ok(RunId(self.connection.last_insert_rowid()))
    }

    /// Ends a run.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn end_run(&self, run: RunId, at_s: i64, end: RunEnd) -> Result<(), HistoryError> {
        let sql = "UPDATE runs SET ended_s = ?2, outcome = ?3 WHERE run_id = ?1";
        self.wrap(self.connection.execute(sql, params![run.0, at_s, end.name()])).map(|_| ())
    }

    /// Keeps the decisions of a run, all or none.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn keep_decisions(&mut self, run: RunId, all: &[Decided]) -> Result<(), HistoryError> {
        let sql = "INSERT INTO decisions VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let kept = (|| {
            let transaction = self.connection.transaction()?;
            for one in all {
                let Decided { channel, section, strategy, inputs_json, reason_json } = one;
                let values =
                    params![run.0, id(*channel), section, strategy, inputs_json, reason_json];
                transaction.prepare_cached(sql)?.execute(values)?;
            }
            transaction.commit()
        })();
        self.wrap(kept)
    }

    /// The newest decision about a channel, if any was kept.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn newest_decision(&self, channel: u64) -> Result<Option<Decided>, HistoryError> {
        let sql = "SELECT section, strategy, inputs_json, reason_json FROM decisions \
                   WHERE channel = ?1 ORDER BY run_id DESC LIMIT 1";
        let read = |row: &Row<'_>| {
            Ok(Decided {
                channel,
                section: row.get(0)?,
                strategy: row.get(1)?,
                inputs_json: row.get(2)?,
                reason_json: row.get(3)?,
            })
        };
        self.wrap(self.connection.query_row(sql, [id(channel)], read).optional())
    }

    /// What was last kept about a channel: section, strategy, and when the run began, unix seconds.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn decided_last(&self, channel: u64) -> Result<Option<DecidedLast>, HistoryError> {
        let sql = "SELECT section, strategy, began_s FROM decisions JOIN runs USING (run_id) \
                   WHERE channel = ?1 ORDER BY run_id DESC LIMIT 1";
        let read = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
            statement.query_row([id(channel)], read).optional()
        };
        self.wrap(read())
    }

    /// Writes a change down. It is on disk when this returns, and only then may it be sent.
    ///
    /// # Errors
    /// [`HistoryError`]; also if another change of the channel is still open.
    pub fn decide(&self, intent: &Intent<'_>) -> Result<ChangeId, HistoryError> {
        self.insert(intent, ChangeState::Decided, None)
    }

    /// Writes down that somebody else changed a policy.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn found_foreign(
        &self,
        channel: u64,
        at_s: i64,
        policies: (Policy, Policy),
        rules_digest: &str,
    ) -> Result<ChangeId, HistoryError> {
        let (old, new) = policies;
        let (run, reason, undoes) = (None, None, None);
        let origin = Origin::Foreign;
        let intent = Intent { run, channel, origin, at_s, reason, undoes, rules_digest, old, new };
        self.insert(&intent, ChangeState::Confirmed, Some(at_s))
    }

    fn insert(
        &self,
        intent: &Intent<'_>,
        state: ChangeState,
        ended_s: Option<i64>,
    ) -> Result<ChangeId, HistoryError> {
        let columns = |side: &str| POLICY.map(|name| format!("{side}_{name}")).join(", ");
        let places = (1..=25).map(|place| format!("?{place}")).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "INSERT INTO changes (run_id, channel, origin, state, decided_s, ended_s, reason, \
             undoes, rules_digest, {}, {}) VALUES ({places})",
            columns("old"),
            columns("new")
        );
        let mut values: Vec<Value> = vec![
            intent.run.map(|run| run.0).into(),
            id(intent.channel).into(),
            intent.origin.name().to_owned().into(),
            state.name().to_owned().into(),
            intent.at_s.into(),
            ended_s.into(),
            intent.reason.map(str::to_owned).into(),
            intent.undoes.map(|undone| undone.0).into(),
            intent.rules_digest.to_owned().into(),
        ];
        let figures = intent.old.values().into_iter().chain(intent.new.values());
        values.extend(figures.map(Value::from));
        self.wrap(self.connection.execute(&sql, params_from_iter(values)))?;
        Ok(ChangeId(self.connection.last_insert_rowid()))
    }

    /// The change is being handed to the node.
    ///
    /// # Errors
    /// [`HistoryError::NotOpen`] if it has ended.
    pub fn sent(&self, change: ChangeId) -> Result<(), HistoryError> {
        let sql = "UPDATE changes SET state = 'sent' \
                   WHERE change_id = ?1 AND state IN ('decided', 'sent')";
        let touched = self.wrap(self.connection.execute(sql, [change.0]))?;
        self.must_be_one(change, touched)
    }

    /// The change ended: confirmed, refused or abandoned.
    ///
    /// # Errors
    /// [`HistoryError::NotOpen`] if it had ended before.
    pub fn ended(
        &self,
        change: ChangeId,
        state: ChangeState,
        at_s: i64,
        reason: Option<&str>,
    ) -> Result<(), HistoryError> {
        let sql = "UPDATE changes SET state = ?2, ended_s = ?3, reason = coalesce(?4, reason) \
                   WHERE change_id = ?1 AND state IN ('decided', 'sent')";
        let values = params![change.0, state.name(), at_s, reason];
        let touched = self.wrap(self.connection.execute(sql, values))?;
        self.must_be_one(change, touched)
    }

    fn must_be_one(&self, change: ChangeId, touched: usize) -> Result<(), HistoryError> {
        match touched {
            1 => Ok(()),
            _ => Err(HistoryError::NotOpen { path: self.path.clone(), id: change.0 }),
        }
    }

    /// Changes whose end is not known: after a crash, ask the node about each.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn open_changes(&self) -> Result<Vec<Change>, HistoryError> {
        let clause =
            "INDEXED BY changes_open WHERE state IN ('decided', 'sent') ORDER BY change_id";
        self.select(clause, params![])
    }

    /// Changes of a channel that came into force, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn confirmed(&self, channel: u64, most: u32) -> Result<Vec<Change>, HistoryError> {
        let clause = "WHERE channel = ?1 AND state = 'confirmed' ORDER BY change_id DESC LIMIT ?2";
        self.select(clause, params![id(channel), most])
    }

    /// Changes that came into force since a time, newest first.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn confirmed_since(&self, since_s: i64, most: u32) -> Result<Vec<Change>, HistoryError> {
        let clause = "WHERE state = 'confirmed' AND ended_s >= ?1 \
                      ORDER BY ended_s DESC, change_id DESC LIMIT ?2";
        self.select(clause, params![since_s, most])
    }

    /// How many changes of a channel were sent since a time, refused ones included: peers count
    /// gossip, whoever wanted it.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn sent_since(&self, channel: u64, since_s: i64) -> Result<u32, HistoryError> {
        let sql = "SELECT count(*) FROM changes WHERE channel = ?1 AND decided_s >= ?2 \
                   AND state IN ('sent', 'confirmed')";
        let values = params![id(channel), since_s];
        self.wrap(self.connection.query_row(sql, values, |row| row.get(0)))
    }

    /// Whether a change was taken back already, or is being taken back.
    ///
    /// # Errors
    /// [`HistoryError`] names file and reason.
    pub fn is_undone(&self, change: ChangeId) -> Result<bool, HistoryError> {
        let sql = "SELECT count(*) FROM changes WHERE undoes = ?1 \
                   AND state IN ('decided', 'sent', 'confirmed')";
        let count: i64 = self.wrap(self.connection.query_row(sql, [change.0], |row| row.get(0)))?;
        Ok(count > 0)
    }

    fn select(
        &self,
        clause: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<Change>, HistoryError> {
        let columns = |side: &str| POLICY.map(|name| format!("{side}_{name}")).join(", ");
        let sql = format!(
            "SELECT change_id, channel, origin, state, decided_s, ended_s, reason, undoes, \
             rules_digest, {}, {} FROM changes {clause}",
            columns("old"),
            columns("new")
        );
        let read = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement.query_map(values, read_change)?.collect()
        };
        self.wrap(read())
    }
}

fn read_change(row: &Row<'_>) -> rusqlite::Result<Change> {
    Ok(Change {
        id: ChangeId(row.get(0)?),
        channel: row.get::<_, i64>(1)?.cast_unsigned(),
        origin: row.get(2)?,
        state: row.get(3)?,
        decided_s: row.get(4)?,
        ended_s: row.get(5)?,
        reason: row.get(6)?,
        undoes: row.get::<_, Option<i64>>(7)?.map(ChangeId),
        rules_digest: row.get(8)?,
        old: Policy::read(row, 9)?,
        new: Policy::read(row, 17)?,
    })
}
