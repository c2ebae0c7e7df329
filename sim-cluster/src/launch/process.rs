//! Agents as operating-system processes: start, signal, reap.
//!
//! Each agent leads its own process group, so that Ctrl-C at the terminal reaches the launcher
//! alone and the launcher ends the agents in order. A dropped process is killed and reaped.

use super::NodeSpec;
use crate::error::ClusterError;
use rustix::process::{Pid, kill_process_group};
use std::fs::OpenOptions;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What can be sent to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// End it at once, without a chance to write anything (SIGKILL).
    Kill,
    /// Stop it where it is (SIGSTOP).
    Pause,
    /// Let it go on (SIGCONT).
    Resume,
}

/// A started agent. Dropping it ends it.
pub trait Running: Send {
    /// Sends a signal; after [`Signal::Kill`] the agent is gone when this returns.
    ///
    /// # Errors
    /// The system refused, or the agent is gone.
    fn signal(&mut self, signal: Signal) -> io::Result<()>;

    /// How the agent ended, if it has.
    fn exited(&mut self) -> Option<String>;
}

/// Starts the agent of one node.
pub trait Starter: Send + Sync {
    /// Starts it; it need not be ready when this returns.
    ///
    /// # Errors
    /// [`ClusterError::Failed`] if it cannot be started.
    fn start(&self, spec: &NodeSpec) -> Result<Box<dyn Running>, ClusterError>;
}

/// Starts agents as child processes.
#[derive(Clone, Debug)]
pub struct ProcessStarter {
    program: PathBuf,
    arguments: Vec<String>,
}

impl ProcessStarter {
    /// Agents are this same executable, called as `debal agent`.
    ///
    /// # Errors
    /// The system does not tell where this executable is.
    pub fn this_executable() -> Result<Self, ClusterError> {
        let program = std::env::current_exe()
            .map_err(|e| ClusterError::Failed(format!("cannot find this executable: {e}")))?;
        Ok(Self::new(program, ["debal", "agent"].map(str::to_owned).to_vec()))
    }

    /// Agents are `program` with `arguments` and then `--config FILE`.
    #[must_use]
    pub const fn new(program: PathBuf, arguments: Vec<String>) -> Self {
        Self { program, arguments }
    }
}

impl Starter for ProcessStarter {
    fn start(&self, spec: &NodeSpec) -> Result<Box<dyn Running>, ClusterError> {
        let failed = |what, path: &PathBuf, e: &io::Error| ClusterError::io(what, path, e);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&spec.log)
            .map_err(|e| failed("open the log", &spec.log, &e))?;
        let errors = log.try_clone().map_err(|e| failed("open the log", &spec.log, &e))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .arg("--config")
            .arg(&spec.config)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(|e| failed("start", &self.program, &e))?;
        Ok(Box::new(Process { child }))
    }
}

struct Process {
    child: Child,
}

impl Process {
    fn group(&self) -> io::Result<Pid> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        id.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    }
}

impl Running for Process {
    fn signal(&mut self, signal: Signal) -> io::Result<()> {
        // A reaped child's number may belong to someone else by now.
        if let Some(how) = self.exited() {
            return Err(io::Error::other(format!("it has ended ({how})")));
        }
        let number = match signal {
            Signal::Kill => rustix::process::Signal::KILL,
            Signal::Pause => rustix::process::Signal::STOP,
            Signal::Resume => rustix::process::Signal::CONT,
        };
        kill_process_group(self.group()?, number)?;
        if signal == Signal::Kill {
            self.child.wait()?;
        }
        Ok(())
    }

    fn exited(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already gone is what is wanted.
        drop(self.signal(Signal::Kill));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::path::Path;

    fn sleeper(directory: &Path) -> Box<dyn Running> {
        let script = "echo started; exec sleep 600".to_owned();
        let starter = ProcessStarter::new("/bin/sh".into(), vec!["-c".to_owned(), script]);
        let at = |name: &str| directory.join(name);
        let (index, node) = (0, String::new());
        let (config, log, socket) = (at("config"), at("log"), at("control.sock"));
        starter
            .start(&NodeSpec { index, node, directory: at("data"), config, log, socket })
            .unwrap()
    }

    #[test]
    fn a_killed_process_is_gone_and_takes_no_more_signals() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = sleeper(directory.path());
        assert_eq!(process.exited(), None);
        process.signal(Signal::Pause).unwrap();
        process.signal(Signal::Resume).unwrap();
        process.signal(Signal::Kill).unwrap();
        assert!(process.exited().unwrap().contains('9'));
        assert!(process.signal(Signal::Resume).is_err());
    }

    #[test]
    fn a_dropped_process_is_gone_even_when_it_was_paused() {
        let directory = tempfile::tempdir().unwrap();
        let mut process = sleeper(directory.path());
        process.signal(Signal::Pause).unwrap();
        drop(process);
        // Dropping reaps, so a second wait would fail: there is no child left to wait for.
        assert!(rustix::process::wait(rustix::process::WaitOptions::NOHANG).is_err());
    }

    #[test]
    fn a_program_that_does_not_exist_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let starter = ProcessStarter::new("/nonexistent/agent".into(), Vec::new());
        let at = |name: &str| directory.path().join(name);
        let (index, node) = (0, String::new());
        let (config, log, socket) = (at("config"), at("log"), at("control.sock"));
        let spec = NodeSpec { index, node, directory: at("data"), config, log, socket };
        let refused = starter.start(&spec).err().unwrap().to_string();
        assert!(refused.contains("/nonexistent/agent"), "{refused}");
    }
}
