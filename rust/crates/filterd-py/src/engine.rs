//! The engine: bytes in, bytes out.

use std::cell::RefCell;
use std::net::IpAddr;

use filterd_core::engine::{Desk, Now, Outcome, Reply, Settings, Way};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt};

use crate::deciding::Snapshot;
use crate::rules::parse_address;

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Engine(Desk);

thread_local! {
    /// Replies are written here first, so that a reply costs one Python object and no other
    /// allocation.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

type Count = (i64, &'static str, u8, i32, String, String, u64, u64);
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
        Ok(Self(Desk::new(snapshot.0.clone(), settings)))
    }

    fn swap(&self, snapshot: &Snapshot) {
        self.0.swap(snapshot.0.clone());
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
            Ok(match self.0.handle(packet, client, now, door, out) {
                Outcome::Reply => Some(PyBytes::new(py, out).into_any()),
                Outcome::Miss(token) => Some(PyInt::new(py, token).into_any()),
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
        let taken = self.0.take_misses(most).into_iter();
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
        to_python(py, self.0.complete(miss, answer, now, failure))
    }

    fn serve_stale<'py>(
        &self,
        py: Python<'py>,
        miss: u64,
        now: f64,
        steady: f64,
    ) -> Vec<(u64, Bound<'py, PyBytes>)> {
        to_python(py, self.0.serve_stale(miss, Now { unix: now, steady }))
    }

    fn forget(&self, token: u64) {
        self.0.forget(token);
    }

    fn take_events(&self, most: usize) -> Vec<Event> {
        let taken = self.0.take_events(most).into_iter();
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

    fn take_counts(&self) -> Vec<Count> {
        let taken = self.0.take_counts().into_iter();
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
                )
            })
            .collect()
    }

    fn stats(&self) -> String {
        self.0.stats()
    }

    fn clear_cache(&self) {
        self.0.clear_cache();
    }
}

fn address(text: &str) -> PyResult<IpAddr> {
    match text.parse() {
        Ok(address) => Ok(address),
        Err(_) => parse_address(text),
    }
}

fn to_python(py: Python<'_>, replies: Vec<Reply>) -> Vec<(u64, Bound<'_, PyBytes>)> {
    replies
        .into_iter()
        .filter(|reply| reply.way == Way::Token)
        .map(|reply| (reply.token, PyBytes::new(py, &reply.wire)))
        .collect()
}
