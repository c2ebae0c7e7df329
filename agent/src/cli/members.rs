//! Commands about the others: channels with peers, the roster, joining and leaving it.
//!
//! They only speak to the running agent; nothing here may touch its files.

use super::args::{ChannelAction, NewChannel, Target};
use super::{Failure, Shown, client, msat, show};
use crate::api::{Op, OpenFields, PolicyFields};
use crate::config::genesis::MemberEntry;

/// `debal channel expect | open`.
pub fn channel(action: ChannelAction) -> Result<Shown, Failure> {
    let (new, opens) = match action {
        ChannelAction::Expect(new) => (new, false),
        ChannelAction::Open(new) => (new, true),
    };
    let (fields, target) = fields_of(new);
    let channel = fields.channel.clone();
    if opens {
        let opened = client::ask(&target, &Op::OpenChannel(fields))?;
        return Ok(Shown::new(opened, format!("channel {channel} is open\n")));
    }
    let agreed = client::ask(&target, &Op::ExpectChannel(fields))?;
    let text = format!("agreed to {channel}; now the peer runs `debal channel open {channel}`\n");
    Ok(Shown::new(agreed, text))
}

fn fields_of(new: NewChannel) -> (OpenFields, Target) {
    let NewChannel { channel, peer, capacity, local, base_fee_msat, fee_ppm, target } = new;
    let capacity_msat = msat(capacity);
    let policy = PolicyFields {
        base_msat: base_fee_msat,
        ppm: fee_ppm,
        min_msat: 1,
        max_msat: capacity_msat,
        cltv: 0,
        disabled: false,
    };
    (OpenFields { channel, peer, capacity_msat, local_msat: msat(local), policy }, target)
}

/// `debal roster`.
pub fn roster(target: &Target) -> Result<Shown, Failure> {
    let roster = client::ask(target, &Op::Roster)?;
    let text = show::roster(&roster);
    Ok(Shown::new(roster, text))
}

/// `debal sponsor`.
pub fn sponsor(entry: &str, target: &Target) -> Result<Shown, Failure> {
    let entry: MemberEntry = serde_json::from_str(entry).map_err(|error| {
        Failure::invalid(format!(
            "no member entry: {error}; pass the line that `debal member` printed, in quotes"
        ))
    })?;
    let answer = client::ask(target, &Op::Sponsor { entry })?;
    let text = "vouched for; it acts eight epochs after the next certified one: `debal roster`\n";
    Ok(Shown::new(answer, text.to_owned()))
}

/// `debal leave`.
pub fn leave(target: &Target) -> Result<Shown, Failure> {
    let answer = client::ask(target, &Op::Leave)?;
    let text = "said goodbye; it acts one epoch after the next certified one: `debal roster`\n";
    Ok(Shown::new(answer, text.to_owned()))
}
