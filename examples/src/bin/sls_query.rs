//! A lesson: a search and a table out of Alibaba Cloud's log service.
//!
//! `cargo run --bin sls_query -- https://cn-hangzhou.log.aliyuncs.com k8s-log-c1 k8s-event` prints the warnings of the
//! last hour, page by page, and then how many there were of each Pod. Credentials are the first that this machine has.

#![expect(clippy::print_stdout, reason = "it prints for people")]

use anyhow::bail;
use eventcenter_sls::Client;
use eventcenter_sls::credentials::{self, Surroundings};
use eventcenter_sls::logstore::Query;
use jiff::Timestamp;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, project, logstore] = &arguments[..] else {
        bail!("say ENDPOINT PROJECT LOGSTORE");
    };
    let client = Client::builder(endpoint.as_str())
        .credentials(credentials::usual(&Surroundings::new()))
        .build()?;
    let logstore = client.logstore(project.as_str(), logstore.as_str());

    let now = Timestamp::now().as_second();
    let last_hour = Query::new(now - 3600, now);
    let mut pages = logstore.search(last_hour.clone().statement("level: Warning"));
    while let Some(page) = pages.next().await? {
        for log in &page.data {
            // Text of logs may hold anything; shown as it is quoted, it orders no terminal.
            println!("{:?} {:?}", log.time(), log.get("eventId"));
        }
        if !page.meta.is_complete() {
            println!("the service did not finish");
        }
    }

    let statement =
        "level: Warning | select pod_name, count(1) as n group by pod_name order by n desc";
    let table = logstore.query(&last_hour.statement(statement)).await?;
    for row in &table.data {
        println!("{:?} {:?}", row.get("pod_name"), row.get("n"));
    }
    Ok(())
}
