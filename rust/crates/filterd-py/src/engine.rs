//! The engine: bytes in, bytes out.

use std::cell::RefCell;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use filterd_core::bands::Bands;
use filterd_core::engine::{Desk, Now, Outcome, Reply, Settings, Way};
use filterd_core::forward::routes::Routes;
use filterd_core::forward::ForwardSettings;
use filterd_core::gate::{Gate, GateSettings};
use filterd_core::guard::{GuardSettings, Secrets};
use filterd_net::bell::Bell;
use filterd_net::doors::Doors;
use filterd_net::firewall::Nftables;
use filterd_net::forward::{Forwarder, Mail, Plain};
use filterd_net::workers::{Post, Shared, Workers};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use crate::deciding::Snapshot;
use crate::proxy::Proxies;
use crate::rules::parse_address;

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Engine {
    /// Boxed: parts of it stand on cache lines of their own, and Python's allocator keeps to 16 bytes.
    desk: Box<Desk>,
    others: Arc<Bell>,
    plain: Arc<Plain>,
    mail: Arc<Mail>,
    threads: Mutex<Threads>,
}

/// What was started; doors outlive their workers, for replies that come late.
#[derive(Default)]
struct Threads {
    workers: Option<Workers>,
    forwarder: Option<Forwarder>,
    doors: Option<Arc<Doors>>,
}

thread_local! {
    /// Replies are written here first, so that a reply costs one Python object and no other
    /// allocation.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

type Count = (i64, &'static str, u8, i32, String, String, u64, u64, u64);
type Event = (
    f64,
    String,
    String,
    u16,
    &'static str,
    u8,
    i32,
    String,
    String,
    u8,
    u8,
    u64,
);

#[pymethods]
impl Engine {
    #[new]
    fn new(snapshot: &Snapshot, settings: &str) -> PyResult<Self> {
        let settings = Settings::parse(settings).map_err(PyValueError::new_err)?;
        let others = Arc::new(Bell::new()?);
        Ok(Self {
            desk: Box::new(Desk::new(snapshot.0.clone(), settings)),
            mail: Arc::new(Mail::new(Arc::clone(&others))),
            others,
            plain: Arc::new(Plain::new()?),
            threads: Mutex::default(),
        })
    }

    fn swap(&self, snapshot: &Snapshot) {
        self.desk.swap(snapshot.0.clone());
    }

    fn handle<'py>(
        &self,
        py: Python<'py>,
        packet: &[u8],
        client: &str,
        now: f64,
        steady: f64,
        door: u8,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let client = address(client)?;
        let now = Now { unix: now, steady };
        SCRATCH.with_borrow_mut(|out| {
            out.clear();
            Ok(match self.desk.handle(packet, client, now, door, out) {
                Outcome::Reply => Some(PyBytes::new(py, out).into_any()),
                Outcome::Miss(token) => {
                    if self.desk.engine().pending().plain {
                        self.plain.ring();
                    }
                    Some(PyInt::new(py, token).into_any())
                }
                Outcome::Drop => None,
            })
        })
    }

    #[allow(clippy::type_complexity)] // one row of five plain fields
    fn take_misses<'py>(
        &self,
        py: Python<'py>,
        most: usize,
    ) -> Vec<(u64, Bound<'py, PyBytes>, String, u16, u8)> {
        let taken = self.desk.take_misses(most).into_iter();
        taken
            .map(|q| (q.miss, PyBytes::new(py, &q.wire), q.name, q.qtype, q.flags))
            .collect()
    }

    #[pyo3(signature = (miss, answer, now, steady, failure = 0))]
    fn complete<'py>(
        &self,
        py: Python<'py>,
        miss: u64,
        answer: Option<&[u8]>,
        now: f64,
        steady: f64,
        failure: u16,
    ) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let now = Now { unix: now, steady };
        self.deliver(py, self.desk.complete(miss, answer, now, failure))
    }

    fn serve_stale<'py>(
        &self,
        py: Python<'py>,
        miss: u64,
        now: f64,
        steady: f64,
    ) -> Vec<(u64, Bound<'py, PyBytes>)> {
        self.deliver(py, self.desk.serve_stale(miss, Now { unix: now, steady }))
    }

    fn keep_nothing_of(&self, miss: u64) {
        self.desk.engine().keep_nothing_of(miss);
    }

    fn forget(&self, token: u64) {
        self.desk.forget(token);
    }

    fn take_events(&self, most: usize) -> Vec<Event> {
        let taken = self.desk.take_events(most).into_iter();
        taken
            .map(|e| {
                let client = e.client.to_string();
                (
                    e.time,
                    client,
                    e.name,
                    e.qtype,
                    e.kind,
                    e.step,
                    e.class,
                    e.group,
                    e.pattern,
                    e.door,
                    e.rcode,
                    e.generation,
                )
            })
            .collect()
    }

    fn gather_counts(&self, py: Python<'_>) -> usize {
        py.detach(|| self.desk.gather_counts())
    }

    fn take_counts(&self) -> Vec<Count> {
        let taken = self.desk.take_counts().into_iter();
        taken
            .map(|c| {
                (
                    c.slot,
                    c.kind,
                    c.step,
                    c.class,
                    c.group,
                    c.pattern,
                    c.count,
                    c.generation,
                    c.clients,
                )
            })
            .collect()
    }

    fn take_sample(&self, py: Python<'_>) -> Vec<(String, u64, bool)> {
        let taken = py.detach(|| self.desk.take_sample()).into_iter();
        taken.map(|s| (s.name, s.clients, s.blocked)).collect()
    }

    #[pyo3(signature = (key, sample = 0))]
    fn set_bands(&self, key: &[u8], sample: u32) -> PyResult<()> {
        let bands = Bands::new(key, sample).map_err(PyValueError::new_err)?;
        self.desk.engine().set_bands(bands);
        Ok(())
    }

    fn stats(&self) -> String {
        self.desk.stats()
    }

    fn clear_cache(&self) {
        self.desk.clear_cache();
    }

    fn set_guard(&self, settings: &str, secrets: Vec<Vec<u8>>) -> PyResult<()> {
        let guard = || {
            let settings = GuardSettings::parse(settings)?;
            let secrets = Secrets::read(&secrets)?;
            self.desk.engine().guard().renewed(&settings, secrets)
        };
        let guard = guard().map_err(PyValueError::new_err)?;
        self.desk.engine().set_guard(Arc::new(guard));
        Ok(())
    }

    fn set_gate(&self, settings: &str) -> PyResult<()> {
        let settings = GateSettings::parse(settings).map_err(PyValueError::new_err)?;
        let engine = self.desk.engine();
        let firewall = Box::new(Nftables::new(&settings.table));
        let gate = Gate::new(&settings, firewall, engine.gate().as_deref());
        engine.set_gate(Arc::new(gate));
        Ok(())
    }

    fn open_again(&self, py: Python<'_>, steady: f64) -> usize {
        let gate = self.desk.engine().gate();
        // It may take the time of many calls; what could not be done is counted there.
        py.detach(|| gate.map_or(0, |gate| gate.open_again(steady).unwrap_or(0)))
    }

    fn welcomes(&self, client: &str) -> PyResult<bool> {
        Ok(self.desk.engine().guard().welcomes(address(client)?))
    }

    fn bell(&self) -> RawFd {
        self.others.as_fd().as_raw_fd()
    }

    fn answer_bell(&self) {
        self.others.answer();
    }

    #[pyo3(signature = (sockets, cpus, proxies = None))]
    fn open_doors(
        &self,
        sockets: Vec<RawFd>,
        cpus: Vec<usize>,
        proxies: Option<&Proxies>,
    ) -> PyResult<()> {
        let own: Vec<OwnedFd> = sockets
            .into_iter()
            .map(duplicate)
            .collect::<PyResult<_>>()?;
        let doors = Arc::new(Doors::new(own)?.behind(proxies.map(|all| Arc::clone(&all.0))));
        let posts: Vec<Post> = (0..doors.len())
            .map(|at| Post {
                socket: at as u32,
                cpu: cpus.get(at % cpus.len().max(1)).copied(),
            })
            .collect();
        let shared = self.shared(&doors);
        let mut threads = self.threads();
        if threads.doors.is_some() {
            return Err(PyValueError::new_err("doors are open already"));
        }
        threads.workers = Some(Workers::start(&shared, &posts)?);
        self.desk.make_small();
        threads.doors = Some(doors);
        Ok(())
    }

    fn stop_workers(&self, py: Python<'_>) {
        let workers = self.threads().workers.take();
        // They end within a tenth of a second, and others may run meanwhile.
        py.detach(|| drop(workers));
    }

    fn close_doors(&self, py: Python<'_>) {
        self.stop_workers(py);
        self.stop_forwarding(py);
        self.threads().doors = None;
    }

    #[pyo3(signature = (settings, kept, cpu = None))]
    fn start_forwarding(
        &self,
        py: Python<'_>,
        settings: &str,
        kept: &str,
        cpu: Option<usize>,
    ) -> PyResult<()> {
        let settings = ForwardSettings::read(settings).map_err(PyValueError::new_err)?;
        let routes = Routes::read(kept).map_err(PyValueError::new_err)?;
        self.stop_forwarding(py);
        let mut threads = self.threads();
        let doors = match &threads.doors {
            Some(doors) => Arc::clone(doors),
            None => Arc::new(Doors::new(Vec::new())?),
        };
        let forwarder = Forwarder::start(&self.shared(&doors), &self.mail, settings, cpu)?;
        threads.forwarder = Some(forwarder);
        let route = move |name: &[u8]| routes.is_plain(name);
        self.desk.engine().set_route(Some(Box::new(route)));
        self.plain.ring();
        Ok(())
    }

    fn stop_forwarding(&self, py: Python<'_>) {
        self.desk.engine().set_route(None);
        let forwarder = self.threads().forwarder.take();
        // What it had goes to `take_misses`; it may need the time of a turn.
        py.detach(|| drop(forwarder));
        self.others.ring();
    }

    fn forwarding(&self, py: Python<'_>) -> Option<String> {
        py.detach(|| self.threads().forwarder.as_ref().map(Forwarder::counts))
    }

    fn loses_case(&self, py: Python<'_>, server: usize) {
        py.detach(|| {
            if let Some(forwarder) = &self.threads().forwarder {
                forwarder.loses_case(server);
            }
        });
    }

    fn take_mail<'py>(&self, py: Python<'py>) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let letters = self.mail.take().into_iter();
        letters
            .map(|(token, wire)| (token, PyBytes::new(py, &wire)))
            .collect()
    }

    fn doors(&self) -> (usize, usize, u64) {
        let threads = self.threads();
        let running = threads.workers.as_ref().map_or(0, Workers::running);
        let unsent = threads.doors.as_ref().map_or(0, |doors| doors.unsent());
        let forwarding = threads
            .forwarder
            .as_ref()
            .is_some_and(Forwarder::is_running);
        (running, usize::from(forwarding), unsent)
    }
}

impl Engine {
    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared(&self, doors: &Arc<Doors>) -> Shared {
        Shared {
            engine: Arc::clone(self.desk.engine()),
            doors: Arc::clone(doors),
            others: Arc::clone(&self.others),
            plain: Arc::clone(&self.plain),
        }
    }

    /// Send what goes back as datagrams; return the rest.
    fn deliver<'py>(
        &self,
        py: Python<'py>,
        replies: Vec<Reply>,
    ) -> Vec<(u64, Bound<'py, PyBytes>)> {
        let doors = self.threads().doors.clone();
        if let Some(doors) = doors {
            if replies.iter().any(|reply| reply.way != Way::Token) {
                doors.send(&replies);
            }
        }
        replies
            .into_iter()
            .filter(|reply| reply.way == Way::Token)
            .map(|reply| (reply.token, PyBytes::new(py, &reply.wire)))
            .collect()
    }
}

/// A descriptor of our own for a socket of Python's.
fn duplicate(fd: RawFd) -> PyResult<OwnedFd> {
    if fd < 0 {
        return Err(PyValueError::new_err("not a descriptor"));
    }
    // SAFETY: Python holds the socket open while this call lasts.
    let socket = unsafe { BorrowedFd::borrow_raw(fd) };
    Ok(rustix::io::fcntl_dupfd_cloexec(socket, 3).map_err(std::io::Error::from)?)
}

pub(crate) fn address(text: &str) -> PyResult<IpAddr> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => parse_address(text),
    }
}
