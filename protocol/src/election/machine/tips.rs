//! Following the chain: certificates from plans, tips from members, and moving to a new base.
//!
//! A tip must never be adopted on one member's word: its certificate has to carry the deciding
//! weight both of its own roster and of the roster this node knows.

use super::{Context, Election, ElectionEffect};
use crate::election::types::{Certificate, Tip};
use crate::ids::Epoch;
use crate::limits::{ROSTER_MAX, TIP_REPLIES_MAX, WAITING_CERTIFICATES_MAX};
use crate::message::Message;
use crate::reject::Reject;
use debal_crypto::{Digest, NodeId};

impl Election {
    /// A certificate arrived with a plan. No reject does not mean that it is valid: if it builds on
    /// a tip not known here, the tip is asked for. [`Election::is_certified`] tells.
    ///
    /// # Errors
    /// [`Reject`] if it is not valid, or of an epoch that has been built on.
    pub fn on_certificate(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        certificate: &Certificate,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        let (epoch, newest) = (certificate.epoch(), self.durable.head.epoch);
        if epoch < newest {
            return Err(Reject::Stale { found: epoch.0, newest: newest.0 });
        }
        self.in_window(context, epoch, 1)?;
        if self.is_certified(certificate) {
            return Ok(Vec::new());
        }
        let mut effects = Vec::new();
        if let Some(base) = self.known_tip(&certificate.claim.tip).cloned() {
            self.take_certificate(context, base, certificate, &mut effects)?;
        } else if self.durable.head.roster.knows(&sender) {
            if self.waiting.len() >= WAITING_CERTIFICATES_MAX {
                self.waiting.remove(0);
            }
            self.waiting.push(certificate.clone());
            self.ask_for_tip(context, sender, certificate.claim.tip, &mut effects);
        } else {
            return Err(Reject::NotMember);
        }
        Ok(effects)
    }

    fn take_certificate(
        &mut self,
        context: &Context<'_>,
        base: Tip,
        certificate: &Certificate,
        effects: &mut Vec<ElectionEffect>,
    ) -> Result<(), Reject> {
        let checked = certificate.verify(context.suite, &base)?;
        let epoch = certificate.epoch();
        if self.in_window(context, epoch, 1).is_ok() {
            // A closed epoch has no pool; its certificate may still move the chain.
            let _ = self.pool(epoch);
        }
        let step = (base, checked.tip, checked.claim.output.seed);
        self.take_record(context, step, certificate.clone(), effects);
        Ok(())
    }

    /// A member asks which record made a tip.
    ///
    /// # Errors
    /// [`Reject`] if the tip is not one of the newest here, or the member asks too often.
    pub fn on_tip_request(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        tip: Digest,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        let link = self.durable.link_to(&tip);
        let link = link.ok_or(Reject::unfitting("tip_request", "the tip is not held here"))?;
        let (base, certificate) = (link.base.clone(), link.certificate.clone());
        let now = self.epoch_now(context);
        self.answered.retain(|_, (epoch, _)| *epoch == now);
        if self.answered.len() >= ROSTER_MAX && !self.answered.contains_key(&sender) {
            return Err(Reject::Full("tip requests"));
        }
        let (_, count) = self.answered.entry(sender).or_insert((now, 0));
        if *count >= TIP_REPLIES_MAX {
            return Err(Reject::Full("tip requests of one member"));
        }
        *count = count.saturating_add(1);
        Ok(vec![ElectionEffect::Send(sender, Message::TipReply { base, certificate })])
    }

    /// A member answers our request.
    ///
    /// # Errors
    /// [`Reject`] if nothing was asked, or the answer is not valid, not attested by members we
    /// know, or not better than what we hold.
    pub fn on_tip_reply(
        &mut self,
        context: &Context<'_>,
        sender: NodeId,
        base: Tip,
        certificate: &Certificate,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        match self.asked.get_mut(&sender) {
            Some((_, due)) if *due => *due = false,
            _ => return Err(Reject::unfitting("tip_reply", "nothing was asked")),
        }
        let (epoch, now, newest) =
            (certificate.epoch(), self.epoch_now(context), self.durable.head.epoch);
        if epoch > now.plus(1) {
            return Err(Reject::Epoch { found: epoch.0, now: now.0 });
        }
        if epoch < newest {
            return Err(Reject::Stale { found: epoch.0, newest: newest.0 });
        }
        if base.network != self.durable.head.network {
            return Err(Reject::Network);
        }
        if self.known_tip(&base.digest()).is_none() {
            self.check_attested(epoch, certificate)?;
        }
        let mut effects = Vec::new();
        self.take_certificate(context, base, certificate, &mut effects)?;
        self.vote_if_due(context, &mut effects);
        Ok(effects)
    }

    /// A base we never held is believed only if members we know, with the deciding weight among
    /// them by our own roster, voted for a claim that builds on it. If the roster has not changed
    /// in between, this is the certificate's own rule; if it has, it is the rule on top of it.
    fn check_attested(&self, epoch: Epoch, certificate: &Certificate) -> Result<(), Reject> {
        let known = self.durable.head.roster.at(epoch);
        if known.decides(certificate.weight_in(&known)) {
            return Ok(());
        }
        Err(Reject::unfitting("tip_reply", "too few members known here attest the roster"))
    }

    /// After a new tip is known: epochs that build on another tip now start over from it, and what
    /// waited for a tip is tried again.
    pub(super) fn rebase(&mut self, context: &Context<'_>, effects: &mut Vec<ElectionEffect>) {
        let epochs: Vec<Epoch> = self.pools.keys().copied().collect();
        for epoch in epochs {
            self.rebase_pool(context, epoch, effects);
        }
        self.retry_waiting(context, effects);
    }

    /// Tries the certificates that waited for a tip.
    fn retry_waiting(&mut self, context: &Context<'_>, effects: &mut Vec<ElectionEffect>) {
        let waiting = std::mem::take(&mut self.waiting);
        for certificate in waiting {
            match self.known_tip(&certificate.claim.tip).cloned() {
                Some(base) => {
                    // Whoever sent it is long gone: a bad one is dropped.
                    let _ = self.take_certificate(context, base, &certificate, effects);
                }
                None => self.waiting.push(certificate),
            }
        }
        self.waiting.truncate(WAITING_CERTIFICATES_MAX);
    }

    fn rebase_pool(
        &mut self,
        context: &Context<'_>,
        epoch: Epoch,
        effects: &mut Vec<ElectionEffect>,
    ) {
        let Some(base) = self.durable.base_for(epoch) else {
            self.pools.remove(&epoch);
            return;
        };
        let digest = base.digest();
        if self.pools.get(&epoch).is_none_or(|pool| pool.view.base_digest == digest) {
            return;
        }
        let Some(view) = base.view(epoch) else { return };
        let Some(pool) = self.pools.get_mut(&epoch) else { return };
        let ballots = pool.ballots();
        for (sender, claim) in pool.rebase(view) {
            if claim.tip == digest {
                // Claims that are not valid on the new base are dropped.
                let _ = self.take_claim(context, sender, claim, effects);
            } else if let Some(pool) = self.pools.get_mut(&epoch) {
                pool.insert_stranger(sender, claim);
            }
        }
        for (_, claim) in ballots {
            self.certify_if_decided(context, epoch, &claim, effects);
        }
    }
}
