//! The event center's HTTP API and pages, over any engine that answers [`EventQuery`](eventcenter_store::EventQuery).

#![forbid(unsafe_code)]
