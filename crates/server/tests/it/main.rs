//! Black box: the real binary on free ports, real clients, killed and restarted inside the tests.
//! Every test has its own server, folder and ports. Knows the program only from outside.

mod cli;
mod damage;
mod delivery;
mod full_disk;
mod grpc;
mod harness;
mod keys;
mod kills;
mod lifecycle;
mod mutations;
mod observability;
mod offline;
mod overload;
mod people;
mod prometheus;
mod refusals;
mod shutdown;
mod storms;
mod tls;
