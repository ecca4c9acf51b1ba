//! Building and opening an index.

use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use filterd_index::{self as index, Error, Found, LineShape, Scope, Trigger, Url};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

/// The file system's errors are OSError, everything else about content is ValueError.
pub(crate) fn to_python(error: Error) -> PyErr {
    match error {
        Error::Io { .. } => PyOSError::new_err(error.to_string()),
        other => PyValueError::new_err(other.to_string()),
    }
}

fn scope(number: u32) -> PyResult<Scope> {
    Scope::from_number(number)
        .filter(|scope| *scope != Scope::Path)
        .ok_or_else(|| PyValueError::new_err(format!("scope is 0, 1 or 2, not {number}")))
}

fn trigger(number: u32) -> PyResult<Trigger> {
    Trigger::from_number(number)
        .ok_or_else(|| PyValueError::new_err(format!("trigger is 0 or 1, not {number}")))
}

#[pyfunction]
pub(crate) fn check_regex(regex: &str) -> Option<String> {
    index::check_regex(regex)
}

#[pyfunction]
pub(crate) fn canonical_url(url: &str) -> Option<(String, String)> {
    Url::parse(url).map(|url| (url.host().to_owned(), url.path().to_owned()))
}

/// A URL in its one spelling.
pub(crate) fn url_of(text: &str) -> PyResult<Url> {
    Url::parse(text).ok_or_else(|| {
        let start: String = text.chars().take(80).collect();
        PyValueError::new_err(format!("not a URL with a host: {start:?}"))
    })
}

#[pyfunction]
pub(crate) fn public_suffix(name: &str) -> bool {
    index::public_suffix(name)
}

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Skimmed {
    #[pyo3(get)]
    accepted: u64,
    #[pyo3(get)]
    comments: u64,
    #[pyo3(get)]
    leftovers: Vec<(u32, String)>,
}

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct IndexBuilder(Mutex<index::IndexBuilder>);

impl IndexBuilder {
    pub(crate) fn lock(&self) -> MutexGuard<'_, index::IndexBuilder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl IndexBuilder {
    #[new]
    #[pyo3(signature = (*, lines = false, only = None, scratch = None))]
    fn new(lines: bool, only: Option<Vec<String>>, scratch: Option<&str>) -> PyResult<Self> {
        let mut builder = index::IndexBuilder::new(lines);
        // The most specific rule is the one reported, so none is left out for a wider one.
        builder.prune(false);
        if let Some(names) = only {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            builder.only(&names).map_err(to_python)?;
        }
        if let Some(path) = scratch {
            builder.spill_beside(Path::new(path)).map_err(to_python)?;
        }
        Ok(Self(Mutex::new(builder)))
    }

    #[pyo3(signature = (data, shapes, comments, *, wide = false, before = 0))]
    #[allow(clippy::too_many_arguments)] // Python's own: all but three have names
    fn skim(
        &self,
        py: Python<'_>,
        data: &[u8],
        shapes: Vec<(Vec<u8>, Vec<u8>, u32, u32)>,
        comments: Vec<Vec<u8>>,
        wide: bool,
        before: u32,
    ) -> PyResult<Skimmed> {
        let shapes = shapes
            .iter()
            .map(|(prefix, suffix, number, class)| {
                Ok(LineShape {
                    prefix,
                    suffix,
                    scope: scope(*number)?,
                    class: *class,
                })
            })
            .collect::<PyResult<Vec<_>>>()?;
        let comments: Vec<&[u8]> = comments.iter().map(Vec::as_slice).collect();
        let done = py
            .detach(|| self.lock().skim_on(before, data, &shapes, &comments, wide))
            .map_err(to_python)?;
        Ok(Skimmed {
            accepted: done.accepted,
            comments: done.comments,
            leftovers: done.leftovers,
        })
    }

    #[pyo3(signature = (name, scope, class_id, line = 0))]
    fn add_name(&self, name: &str, scope: u32, class_id: u32, line: u32) -> PyResult<()> {
        self.lock()
            .add_name(name, self::scope(scope)?, class_id, line)
            .map_err(to_python)
    }

    #[pyo3(signature = (host, path, subtree, class_id, line = 0))]
    fn add_url(
        &self,
        host: &str,
        path: &str,
        subtree: bool,
        class_id: u32,
        line: u32,
    ) -> PyResult<()> {
        self.lock()
            .add_url(host, path, subtree, class_id, line)
            .map_err(to_python)
    }

    #[pyo3(signature = (regex, class_id, line = 0))]
    fn add_regex(&self, regex: &str, class_id: u32, line: u32) -> PyResult<()> {
        self.lock()
            .add_regex(regex, class_id, line)
            .map_err(to_python)
    }

    #[pyo3(signature = (network, trigger, class_id, line = 0))]
    fn add_network(&self, network: &str, trigger: u32, class_id: u32, line: u32) -> PyResult<()> {
        let trigger = self::trigger(trigger)?;
        self.lock()
            .add_network(network, trigger, class_id, line)
            .map_err(to_python)
    }

    fn remove_name(&self, name: &str, scope: u32, class_id: u32) -> PyResult<()> {
        self.lock()
            .remove_name(name, self::scope(scope)?, class_id)
            .map_err(to_python)
    }

    #[pyo3(signature = (path, meta, progress = None))]
    fn write(
        &self,
        py: Python<'_>,
        path: &str,
        meta: &str,
        progress: Option<Py<PyAny>>,
    ) -> PyResult<()> {
        // Whoever watches may fail, as when nobody reads any more; the index is written first.
        let mut fault = None;
        let tell = |done: u64, all: u64| {
            if let (Some(progress), None) = (&progress, &fault) {
                let said = Python::attach(|py| progress.call1(py, (done, all)).map(drop));
                fault = said.err();
            }
        };
        py.detach(|| self.lock().write_telling(Path::new(path), meta, tell))
            .map_err(to_python)?;
        fault.map_or(Ok(()), Err)
    }

    fn finish(&self, py: Python<'_>, meta: &str) -> PyResult<Index> {
        let built = py.detach(|| self.lock().finish(meta)).map_err(to_python)?;
        Ok(Index(Arc::new(built)))
    }
}

#[pyclass(frozen, module = "filterd._core")]
pub(crate) struct Index(pub(crate) Arc<index::Index>);

fn rows(found: Vec<Found>) -> Vec<(u32, &'static str, String, u32)> {
    found
        .into_iter()
        .map(|f| (f.class, f.kind.as_str(), f.pattern, f.line))
        .collect()
}

#[pymethods]
impl Index {
    #[staticmethod]
    #[pyo3(signature = (path, *, verify = true))]
    fn open(py: Python<'_>, path: &str, verify: bool) -> PyResult<Self> {
        let opened = py.detach(|| index::Index::open(Path::new(path), verify));
        Ok(Self(Arc::new(opened.map_err(to_python)?)))
    }

    fn find(&self, name: &str) -> PyResult<Vec<(u32, &'static str, String, u32)>> {
        Ok(rows(self.0.find(name).map_err(to_python)?))
    }

    fn find_address(
        &self,
        address: &str,
        trigger: u32,
    ) -> PyResult<Vec<(u32, &'static str, String, u32)>> {
        let address = parse_address(address)?;
        Ok(rows(self.0.find_address(address, self::trigger(trigger)?)))
    }

    fn find_url(&self, url: &str) -> PyResult<Vec<(u32, &'static str, String, u32)>> {
        Ok(rows(self.0.find_url(&url_of(url)?).map_err(to_python)?))
    }

    fn save(&self, py: Python<'_>, path: &str) -> PyResult<()> {
        py.detach(|| self.0.save(Path::new(path)))
            .map_err(to_python)
    }

    fn set_aside(&self) {
        self.0.set_aside();
    }

    #[getter]
    fn meta(&self) -> &str {
        self.0.meta()
    }

    #[getter]
    fn names(&self) -> usize {
        self.0.names()
    }

    #[getter]
    fn urls(&self) -> usize {
        self.0.urls()
    }

    #[getter]
    fn regexes(&self) -> usize {
        self.0.regexes()
    }

    #[getter]
    fn networks(&self) -> usize {
        self.0.networks()
    }

    #[getter]
    fn size(&self) -> usize {
        self.0.size()
    }

    #[getter]
    fn path(&self) -> Option<String> {
        self.0
            .path()
            .map(|path| path.to_string_lossy().into_owned())
    }
}

/// An address as sockets give it; the zone of a link-local one (`fe80::1%eth0`) is cut off.
pub(crate) fn parse_address(text: &str) -> PyResult<IpAddr> {
    let bare = text
        .split_once('%')
        .map_or(text, |(address, _zone)| address);
    bare.parse()
        .map_err(|_| PyValueError::new_err(format!("not an address: {text:?}")))
}
