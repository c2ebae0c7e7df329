//! Evidence: found here, or shown by others.
//!
//! An accusation must never change which certificates are valid: it only costs the accused this
//! node's votes, so that nodes with different knowledge still follow one chain.

use super::{Context, Election, ElectionEffect};
use crate::election::durable::ElectionRecord;
use crate::election::types::Tip;
use crate::evidence::{Evidence, Guilt, Scope};
use crate::ids::Epoch;
use crate::limits::{EVIDENCE_EPOCHS, EVIDENCE_PER_NODE_MAX};
use crate::message::Message;
use crate::reject::Reject;
use debal_crypto::NodeId;

impl Election {
    /// Evidence arrived.
    ///
    /// # Errors
    /// [`Reject`] if it proves nothing, is too old, or tells nothing new.
    pub fn on_evidence(
        &mut self,
        context: &Context<'_>,
        _sender: NodeId,
        evidence: Evidence,
    ) -> Result<Vec<ElectionEffect>, Reject> {
        if self.knows_evidence(&evidence) {
            return Err(Reject::Duplicate);
        }
        let guilt = self.judge(context, &evidence)?;
        let epoch = self.offence_epoch(context, &guilt)?;
        let mut effects = Vec::new();
        self.convict(guilt.node, epoch, evidence, &mut effects);
        Ok(effects)
    }

    /// We hold both statements: proves it, keeps it, and shows everyone.
    pub fn accuse(
        &mut self,
        context: &Context<'_>,
        evidence: Evidence,
        effects: &mut Vec<ElectionEffect>,
    ) {
        if self.knows_evidence(&evidence) {
            return;
        }
        let Ok(guilt) = self.judge(context, &evidence) else { return };
        let Ok(epoch) = self.offence_epoch(context, &guilt) else { return };
        if guilt.node == context.suite.node() {
            return; // A cloned or restored node meeting itself: others will say so.
        }
        self.convict(guilt.node, epoch, evidence.clone(), effects);
        effects.push(ElectionEffect::Gossip(Message::Evidence(evidence)));
    }

    fn knows_evidence(&self, evidence: &Evidence) -> bool {
        let mut known = self.durable.offences.values().flatten();
        known.any(|offence| offence.evidence == *evidence)
    }

    fn judge(&self, context: &Context<'_>, evidence: &Evidence) -> Result<Guilt, Reject> {
        let bases = self.durable.links.iter().rev().map(|link| &link.base);
        let held = std::iter::once(&self.durable.head).chain(bases);
        let tips: Vec<&Tip> = held.chain(&self.beside).collect();
        evidence.verify(&Scope { suite: context.suite, tips: &tips })
    }

    /// The epoch an offence counts from; refuses old ones and more of them than are kept.
    fn offence_epoch(&self, context: &Context<'_>, guilt: &Guilt) -> Result<Epoch, Reject> {
        let now = self.epoch_now(context);
        if guilt.epoch.is_none() && self.quarantined(&guilt.node, now) {
            // Statements without an epoch prove the same for ever: once is enough.
            return Err(Reject::Duplicate);
        }
        let epoch = guilt.epoch.unwrap_or(now);
        if epoch > now.plus(1) || epoch.plus(EVIDENCE_EPOCHS) <= now {
            return Err(Reject::Epoch { found: epoch.0, now: now.0 });
        }
        // Those that are too old make room as soon as a new one is written; were they counted, a
        // member that fills its list once could lie for ever after its quarantine.
        let kept = self.durable.offences.get(&guilt.node).into_iter().flatten();
        let kept = kept.filter(|offence| offence.epoch.plus(EVIDENCE_EPOCHS) > epoch);
        if kept.count() >= EVIDENCE_PER_NODE_MAX {
            return Err(Reject::Full("evidence against one member"));
        }
        Ok(epoch)
    }

    fn convict(
        &mut self,
        node: NodeId,
        epoch: Epoch,
        evidence: Evidence,
        effects: &mut Vec<ElectionEffect>,
    ) {
        let record = ElectionRecord::Accused { node, epoch, evidence: evidence.clone() };
        self.commit(record, effects);
        effects.push(ElectionEffect::Accused { node, evidence });
    }
}
