//! TLS to a node whose certificate is pinned by its exact bytes.
//!
//! LND signs its own certificate and marks it as an authority, which the usual verifiers refuse for
//! a server. Verification is never switched off: bytes, time, name and the handshake's signature
//! are all checked, each with its own refusal.

use crate::certificate::Certificate;
use crate::error::CertificateProblem;
use crate::failure::Failure;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, SignatureScheme,
};

/// Accepts one certificate and nothing else.
#[derive(Debug)]
struct Pinned {
    certificate: Certificate,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        if end_entity.as_ref() != self.certificate.der.as_ref() {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        self.certificate.check_time(now.as_secs()).map_err(|problem| match problem {
            CertificateProblem::NotYetValid { .. } => CertificateError::NotValidYet,
            _ => CertificateError::Expired,
        })?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Opens TLS connections to one address.
pub(crate) struct Dial {
    host: String,
    port: u16,
    name: ServerName<'static>,
    connector: TlsConnector,
    certificate: Certificate,
    deadline: Duration,
}

impl Dial {
    /// `protocol` is the application protocol to agree on, `h2` or `http/1.1`.
    pub(crate) fn new(
        address: &crate::Address,
        certificate: &Certificate,
        protocol: &[u8],
        deadline: Duration,
    ) -> crate::Result<Self> {
        let invalid = |what: String| crate::Error::Invalid(what);
        let host = address.host.clone();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| invalid(format!("{host} is neither a host name nor an address")))?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let verifier = Pinned { certificate: certificate.clone(), provider: Arc::clone(&provider) };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            // rustls's word for any verifier of one's own; `Pinned` checks more, not less.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        config.alpn_protocols = vec![protocol.to_vec()];
        let connector = TlsConnector::from(Arc::new(config));
        let certificate = certificate.clone();
        Ok(Self { host, port: address.port, name, connector, certificate, deadline })
    }

    /// Scheme, host and port, for request targets.
    pub(crate) fn origin(&self) -> String {
        format!("https://{}", self.authority())
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> String {
        match self.name {
            ServerName::IpAddress(_) if self.host.contains(':') => {
                format!("[{}]:{}", self.host, self.port)
            }
            _ => format!("{}:{}", self.host, self.port),
        }
    }

    /// A new connection, handshake done, within the deadline. A failure here means that no request
    /// was sent.
    pub(crate) async fn open(&self) -> Result<TlsStream<TcpStream>, Failure> {
        match tokio::time::timeout(self.deadline, self.open_unhurried()).await {
            Ok(opened) => opened,
            Err(_) => Err(Failure::NotSent(format!(
                "{} did not finish connecting within {} ms",
                self.authority(),
                self.deadline.as_millis()
            ))),
        }
    }

    async fn open_unhurried(&self) -> Result<TlsStream<TcpStream>, Failure> {
        let failed = |error: &std::io::Error| {
            Failure::NotSent(format!("cannot connect to {}: {error}", self.authority()))
        };
        let stream =
            TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| failed(&e))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let opened = self.connector.connect(self.name.clone(), stream).await;
        opened.map_err(|error| match self.problem(&error) {
            Some(problem) => Failure::Certificate(problem),
            None => failed(&error),
        })
    }

    /// The certificate problem inside a failed handshake, if TLS and not the network failed.
    fn problem(&self, error: &std::io::Error) -> Option<CertificateProblem> {
        let error = error.get_ref()?.downcast_ref::<TlsError>()?;
        let TlsError::InvalidCertificate(reason) = error else {
            return Some(CertificateProblem::Handshake(error.to_string()));
        };
        let Certificate { from_s, until_s, .. } = self.certificate;
        Some(match reason {
            CertificateError::ApplicationVerificationFailure => CertificateProblem::Different,
            CertificateError::NotValidYet => CertificateProblem::NotYetValid { from_s },
            CertificateError::Expired => CertificateProblem::Expired { until_s },
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateProblem::Name { host: self.host.clone() }
            }
            other => CertificateProblem::Handshake(format!("{other:?}")),
        })
    }
}
