//! The certificate file: a leader's proof as text, for `debal verify`.
//!
//! One header line, one line of lower-case hex, nothing else. There is one spelling of every
//! certificate: a file with any byte changed must never verify.

use super::checks::Curves;
use super::types::{Certificate, Tip};
use crate::ids::Epoch;
use crate::limits::ENVELOPE_MAX_BYTES;
use crate::reject::Reject;
use crate::wire::codec;
use debal_crypto::bytes::encode_hex;
use debal_crypto::{Digest, NodeId};

/// The first line, with its line feed.
pub const HEADER: &str = "debal-certificate 1\n";
/// Largest file read, bytes.
pub const FILE_MAX_BYTES: usize = HEADER.len() + 2 * ENVELOPE_MAX_BYTES + 1;

/// What a verified file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedCertificate {
    /// The network.
    pub network: Digest,
    /// The epoch led.
    pub epoch: Epoch,
    /// The round that certified the leader.
    pub round: u8,
    /// The leader.
    pub leader: NodeId,
    /// Weight that voted for it.
    pub weight: u64,
    /// Weight of all acting members.
    pub total: u64,
    /// Number of votes.
    pub votes: usize,
    /// The election's seed.
    pub seed: Digest,
    /// The roster the certificate is true for: compare it with the one you trust.
    pub roster_digest: Digest,
    /// Whether the roster is so small that a majority decides and no lie is survived.
    pub crash_faults_only: bool,
}

/// Why a file proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFileError {
    /// Not the text form.
    #[error("no certificate file: {0}")]
    Form(&'static str),
    /// The text is right, its content is not.
    #[error("the certificate does not verify: {0}")]
    Content(#[from] Reject),
}

/// Writes a certificate and the tip it builds on as a file.
///
/// # Errors
/// [`Reject`] if they cannot be encoded within the limits.
pub fn write_file(base: &Tip, certificate: &Certificate) -> Result<String, Reject> {
    let bytes = codec::encode(&(base, certificate))?;
    if bytes.len() > ENVELOPE_MAX_BYTES {
        return Err(Reject::TooLarge { found: bytes.len(), max: ENVELOPE_MAX_BYTES });
    }
    Ok([HEADER, &encode_hex(&bytes), "\n"].concat())
}

/// Reads a file and checks it with the real curves. It proves that the members of the roster in it,
/// by more than two thirds of their weight, made this leader; whether that roster is the network's
/// is for the reader to know by its digest.
///
/// # Errors
/// [`CertificateFileError`] says what is wrong.
pub fn verify_file(bytes: &[u8]) -> Result<VerifiedCertificate, CertificateFileError> {
    let (base, certificate) = read_file(bytes)?;
    let checked = certificate.verify(&Curves, &base)?;
    let view = base.view(certificate.epoch());
    let view = view.ok_or(CertificateFileError::Form("its epoch is not after its tip"))?;
    Ok(VerifiedCertificate {
        network: base.network,
        epoch: certificate.epoch(),
        round: certificate.round,
        leader: certificate.leader(),
        weight: checked.weight,
        total: view.active.total_weight(),
        votes: certificate.votes.len(),
        seed: view.seed(certificate.claim.block.as_ref()),
        roster_digest: view.roster_digest,
        crash_faults_only: view.active.crash_faults_only(),
    })
}

/// Reads a file without believing it.
///
/// # Errors
/// [`CertificateFileError`] if it is not the one text form of a certificate.
pub fn read_file(bytes: &[u8]) -> Result<(Tip, Certificate), CertificateFileError> {
    use CertificateFileError::Form;
    if bytes.len() > FILE_MAX_BYTES {
        return Err(Form("it is too long"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Form("it is not text"))?;
    let body = text.strip_prefix(HEADER).ok_or(Form("its first line is not the header"))?;
    let hex = body.strip_suffix('\n').ok_or(Form("it does not end with one line feed"))?;
    let bytes = decode_line(hex).ok_or(Form("its second line is not lower-case hex"))?;
    Ok(codec::decode(&bytes, ENVELOPE_MAX_BYTES)?)
}

fn decode_line(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte.checked_sub(b'0'),
        b'a'..=b'f' => byte.checked_sub(b'a').and_then(|digit| digit.checked_add(10)),
        _ => None,
    };
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let byte = |[high, low]: &[u8; 2]| Some(digit(*high)?.wrapping_shl(4) | digit(*low)?);
    pairs.iter().map(byte).collect()
}
