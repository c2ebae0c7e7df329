//! Messages and records in a few words, for stories and charts.
//!
//! Words are for people; nothing may depend on them.

use debal_protocol::channel::Change;
use debal_protocol::event::Event;
use debal_protocol::journal::Record;
use debal_protocol::message::Message;

fn change(change: &Change) -> String {
    let key = change.key();
    let what = match change {
        Change::Add { .. } => "lock",
        Change::Settle { .. } => "settle",
        Change::Release { .. } => "release",
    };
    format!(" {what} {}/{}", key.transfer.short(), key.hop)
}

fn changes<'a>(list: impl IntoIterator<Item = &'a Change>) -> String {
    list.into_iter().map(change).collect()
}

/// A message.
pub(crate) fn message(message: &Message) -> String {
    let name = message.name();
    match message {
        Message::Request { channel, changes: list } => {
            format!("{name} {channel}{}", changes(list))
        }
        Message::Propose { channel, seq, changes: list, .. } => {
            format!("{name} {channel} #{seq}{}", changes(list))
        }
        Message::Countersign { channel, seq, .. } => format!("{name} {channel} #{seq}"),
        Message::Sync { channel, newest } => format!("{name} {channel} #{}", newest.state.seq),
        Message::ClaimHop { key, .. } => format!("{name} {}/{}", key.transfer.short(), key.hop),
        Message::Refuse { cycle, reason } => format!("{name} {} {reason:?}", cycle.short()),
        Message::Accept(accept) => format!("{name} {}", accept.cycle.short()),
        Message::Quote(quote) => format!("{name} {} of epoch {}", quote.round, quote.epoch.0),
        Message::Go(go) => format!("{name} {}", go.cycle.short()),
        _ => name.to_owned(),
    }
}

/// What a node tells its operator: how work ended, and why.
pub(crate) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::EpochCertified { epoch, round, .. } => {
            format!("certified epoch {} round {round}", epoch.0)
        }
        Event::EpochSkipped { epoch } => format!("skipped epoch {}", epoch.0),
        Event::PlanMade { epoch, cycles, amount_msat } => {
            format!("planned {cycles} cycles of {amount_msat} for epoch {}", epoch.0)
        }
        Event::CycleRefused { cycle, reason, node } => {
            let who = if node.is_some() { "refused" } else { "unanswered" };
            format!("gives cycle {} up, {who}: {reason:?}", cycle.short())
        }
        Event::CycleEnded { cycle, outcome, duration_ms, .. } => {
            format!("cycle {} ended {outcome:?} after {duration_ms} ms", cycle.short())
        }
        Event::PaymentEnded { transfer, outcome, reason, amount_msat, .. } => {
            let why = reason.map_or_else(String::new, |reason| format!(" because of {reason:?}"));
            format!("payment {} of {amount_msat} ended {outcome:?}{why}", transfer.short())
        }
        Event::PaymentReceived { transfer, amount_msat, .. } => {
            format!("payment {} received: {amount_msat}", transfer.short())
        }
        Event::PaymentHeld { transfer, .. } => format!("payment {} held", transfer.short()),
        Event::ChannelFrozen { channel, reason } => format!("freezes channel {channel}: {reason}"),
        Event::Accused { what, .. } => format!("accuses a member of two {what}"),
        Event::Rejected { message, reason, .. } => format!("refuses a {message}: {reason}"),
        _ => return None,
    })
}

/// A record.
pub(crate) fn record(record: &Record) -> String {
    let name = super::driver::record_name(record);
    match record {
        Record::Proposed { channel, changes: list, .. }
        | Record::Completed { channel, changes: list, .. } => {
            format!("{name} {channel}{}", changes(list))
        }
        Record::Countersigned { channel, .. }
        | Record::Adopted { channel, .. }
        | Record::ChannelFrozen { channel } => format!("{name} {channel}"),
        Record::AddRefused { channel, key, .. } => {
            format!("{name} {channel} {}/{}", key.transfer.short(), key.hop)
        }
        Record::CycleReserved { cycle, .. }
        | Record::CycleLapsed { cycle, .. }
        | Record::CycleGo { cycle, .. } => format!("{name} {}", cycle.short()),
        Record::PaymentStarted { transfer, .. }
        | Record::LockAsked { transfer }
        | Record::Committed { transfer, .. }
        | Record::Revealed { transfer, .. } => format!("{name} {}", transfer.short()),
        Record::Aborted { transfer, reason } => format!("{name} {} {reason:?}", transfer.short()),
        Record::Closed { transfer, outcome, .. } => {
            format!("{name} {} {outcome:?}", transfer.short())
        }
        _ => name.to_owned(),
    }
}
