#!/usr/bin/env bash
# Records examples/demo/cluster.ndjson: some minutes of a small real cluster, every revision of every Event.
#
#   cargo xtask testbed up --name demo --nodes 4
#   KUBECONFIG=… examples/demo/record.sh
#   cargo xtask testbed down --name demo
#
# API server, controller manager and scheduler are real, and say what they say. Nodes and Pods are kwok's, which says
# little: its Events are left out, and what a kubelet, node-problem-detector or ACK's node pools would say is posted
# here, in their words, with the uids of the real objects. Needs kubectl and jq.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)

cat > "$work/eventer.yaml" <<YAML
clusters: [{ name: demo, id: demo, kubeconfig: $KUBECONFIG }]
state_dir: $work/state
http: { listen: 127.0.0.1:0 }
sinks: [{ name: recording, file: { path: $work/recording.ndjson } }]
routes: { exclude: { components: [kwok_controller] }, sinks: [recording] }
YAML
cargo build -q --bin eventer
target/debug/eventer --config "$work/eventer.yaml" 2> "$work/log" &
eventer=$!
trap 'kill $eventer 2> /dev/null || true; rm -rf "$work"' EXIT

# say COMPONENT TYPE REASON MESSAGE FIELD: an Event about the object on standard input; prints NAMESPACE/NAME of it.
say() {
  jq --arg component "$1" --arg type "$2" --arg reason "$3" --arg message "$4" --arg field "$5" '
    (now | todate) as $now | (.spec.nodeName // .metadata.name) as $host | (.metadata.namespace // "") as $namespace | {
      apiVersion: "v1", kind: "Event",
      metadata: { generateName: (.metadata.name + "."), namespace: (.metadata.namespace // "default") },
      involvedObject: ({ kind, name: .metadata.name, uid: (if .kind == "Node" then .metadata.name else .metadata.uid end) }
        + if .kind == "Node" then {} else { apiVersion, namespace: $namespace, resourceVersion: .metadata.resourceVersion } end
        + if $field == "" then {} else { fieldPath: "spec.containers{\($field)}" } end),
      reason: $reason, message: $message, type: $type, count: 1, firstTimestamp: $now, lastTimestamp: $now,
      eventTime: null, reportingComponent: $component, reportingInstance: $host,
      source: { component: $component, host: $host } }' |
    kubectl create -f - -o json | jq -r '"\(.metadata.namespace)/\(.metadata.name)"'
}

# again NAMESPACE/NAME COUNT: it happened once more, as client-go's recorder says it.
again() {
  kubectl -n "${1%/*}" patch event "${1#*/}" --type merge -o name \
    -p "{\"count\": $2, \"lastTimestamp\": \"$(date -u +%FT%TZ)\"}" > /dev/null
}

kubelet() { say kubelet "$@"; }
problem() { kubectl get node "$1" -o json | say node-problem-detector "${@:2}" "" > /dev/null; }
pod() { kubectl -n "$1" get pod "$2" -o json; }
first() { kubectl -n "$1" get pods -l "app=$2" -o json | jq -r '.items[0].metadata.name'; }

# starts NAMESPACE APP IMAGE SECONDS: what the kubelets say about all Pods of it that begin to run.
starts() {
  kubectl -n "$1" rollout status deployment "$2" --timeout=90s > /dev/null
  local name object
  for name in $(kubectl -n "$1" get pods -l "app=$2" -o json | jq -r '.items[] | select(.metadata.deletionTimestamp == null) | .metadata.name'); do
    grep -qx "$1/$name" "$work/started" 2> /dev/null && continue
    echo "$1/$name" >> "$work/started"
    # One of the rollout before may be gone in the meantime.
    object=$(pod "$1" "$name" 2> /dev/null) || continue
    kubelet Normal Pulling "Pulling image \"$3\"" "$2" <<< "$object" > /dev/null
    kubelet Normal Pulled "Successfully pulled image \"$3\" in $4s ($4s including waiting). Image size: 72319182 bytes." "$2" <<< "$object" > /dev/null
    kubelet Normal Created "Created container: $2" "$2" <<< "$object" > /dev/null
    kubelet Normal Started "Started container $2" "$2" <<< "$object" > /dev/null
  done
}

# deployment NAMESPACE NAME REPLICAS IMAGE [ANNOTATION: VALUE] [MORE OF THE POD'S SPEC]
deployment() {
  kubectl apply -f - > /dev/null <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: { name: $2, namespace: $1 }
spec:
  replicas: $3
  selector: { matchLabels: { app: $2 } }
  template:
    metadata: { labels: { app: $2 }, annotations: { ${5:-} } }
    spec:
      tolerations: [{ key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5 },
        { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5 }]
      containers: [{ name: $2, image: $4, resources: { requests: { cpu: 100m } } }]
      ${6:-}
YAML
}

for node in $(kubectl get nodes -o name); do
  kubectl get "$node" -o json | kubelet Normal NodeReady "Node ${node#node/} status is now: NodeReady" "" > /dev/null
done
kubectl create namespace shop > /dev/null
kubectl create namespace data > /dev/null

echo "a rollout, and the next one" >&2
deployment shop web 3 registry.example/shop/web:1.4
deployment data cache 2 registry.example/data/cache:7.2
starts shop web registry.example/shop/web:1.4 2.318
starts data cache registry.example/data/cache:7.2 4.07
deployment shop web 3 registry.example/shop/web:1.5
starts shop web registry.example/shop/web:1.5 1.93

echo "a core component" >&2
deployment kube-system coredns 1 registry.example/kube-system/coredns:1.12
starts kube-system coredns registry.example/kube-system/coredns:1.12 1.84

echo "a job that runs each minute, an autoscaler without metrics, a Pod for which there is no room" >&2
kubectl -n shop create cronjob report --image=registry.example/shop/report:3 --schedule='* * * * *' > /dev/null
kubectl apply -f - > /dev/null <<YAML
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: { name: web, namespace: shop }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  minReplicas: 3
  maxReplicas: 6
  metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 60 } } }]
YAML
deployment data warehouse 1 registry.example/data/warehouse:1 "" "nodeSelector: { disk: nvme }"

echo "a crash loop" >&2
deployment shop checkout 1 registry.example/shop/checkout:2.0
starts shop checkout registry.example/shop/checkout:2.0 3.3
crashing=$(pod shop "$(first shop checkout)")
uid=$(jq -r .metadata.uid <<< "$crashing") name=$(jq -r .metadata.name <<< "$crashing")
backoff=$(kubelet Warning BackOff "Back-off restarting failed container checkout in pod ${name}_shop($uid)" checkout <<< "$crashing")
started=$(kubelet Normal Started "Started container checkout" checkout <<< "$crashing")
for count in 2 3 4 5 6; do sleep 4; again "$backoff" "$count"; again "$started" "$count"; done

echo "a Pod killed for want of memory" >&2
deployment data indexer 1 registry.example/data/indexer:5
starts data indexer registry.example/data/indexer:5 6.5
victim=$(pod data "$(first data indexer)")
node=$(jq -r .spec.nodeName <<< "$victim") uid=$(jq -r .metadata.uid <<< "$victim") name=$(jq -r .metadata.name <<< "$victim")
problem "$node" Warning PodOOMKilling "pod was OOM killed. node:$node pod:$name namespace:data uuid:$uid"
kubectl get node "$node" -o json | kubelet Warning SystemOOM "System OOM encountered, victim process: indexer, pid: 48211" "" > /dev/null
kubelet Normal Started "Started container indexer" indexer <<< "$victim" > /dev/null

echo "an image that does not come" >&2
deployment shop search 1 registry.example/shop/search:lates "testbed.eventcenter/fault: image-pull"
sleep 4
object=$(pod shop "$(first shop search)") image=registry.example/shop/search:lates
kubelet Normal Pulling "Pulling image \"$image\"" search <<< "$object" > /dev/null
failed=$(kubelet Warning Failed "Failed to pull image \"$image\": rpc error: code = NotFound desc = failed to pull and unpack image \"$image\": failed to resolve reference \"$image\": $image: not found" search <<< "$object")
kubelet Warning Failed "Error: ErrImagePull" search <<< "$object" > /dev/null
backoff=$(kubelet Normal BackOff "Back-off pulling image \"$image\"" search <<< "$object")
for count in 2 3 4; do sleep 5; again "$failed" "$count"; again "$backoff" "$count"; done

echo "probes that fail, and a volume that does not come" >&2
object=$(pod shop "$(first shop web)")
probe=$(kubelet Warning Unhealthy "Readiness probe failed: HTTP probe failed with statuscode: 503" web <<< "$object")
for count in 2 3 4 5; do sleep 2; again "$probe" "$count"; done
object=$(pod data "$(first data cache)")
mount=$(kubelet Warning FailedMount 'MountVolume.SetUp failed for volume "config" : configmap "cache-config" not found' "" <<< "$object")
for count in 2 3; do sleep 3; again "$mount" "$count"; done

echo "a GPU, a clock and a core component that fail, and a managed node pool that cannot mend it" >&2
object=$(pod kube-system "$(first kube-system coredns)") node=$(jq -r .spec.nodeName <<< "$object")
problem "$node" Warning NodeHasNvidiaXidError "NVRM: Xid (PCI:0000:3b:00): 13, pid=51870, name=trainer, Graphics SM Warp Exception on (GPC 2, TPC 4, SM 0): Illegal Instruction Encoding"
problem "$node" Warning NodeHasNvidiaXidError "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
kubectl get node "$node" -o json | say ntp-custom-plugin-monitor Warning NTPIsDown 'Node condition NTPProblem is now: True, reason: NTPIsDown, message: "NTP service is not running."' "" > /dev/null
probe=$(kubelet Warning Unhealthy "Readiness probe failed: HTTP probe failed with statuscode: 503" coredns <<< "$object")
for count in 2 3; do sleep 2; again "$probe" "$count"; done
kubectl get node "$node" -o json | say nlc Warning NLC.Task.RestartECS.Fail "Task RestartECS of node $node failed" "" > /dev/null

echo "a full disk, and an eviction" >&2
object=$(pod data "$(first data cache)") node=$(jq -r .spec.nodeName <<< "$object")
kubectl get node "$node" -o json | kubelet Warning EvictionThresholdMet "Attempting to reclaim ephemeral-storage" "" > /dev/null
kubectl get node "$node" -o json | kubelet Normal NodeHasDiskPressure "Node $node status is now: NodeHasDiskPressure" "" > /dev/null
kubelet Warning Evicted "The node was low on resource: ephemeral-storage. Threshold quantity: 2147483648, available: 1504Mi. Container cache was using 3104Mi, request is 0, has larger consumption of ephemeral-storage. " "" <<< "$object" > /dev/null
kubectl -n data delete pod "$(jq -r .metadata.name <<< "$object")" --wait=false > /dev/null

echo "a node that goes" >&2
node=$(pod shop "$(first shop web)" | jq -r .spec.nodeName)
problem "$node" Warning KernelOops "kernel: BUG: unable to handle page fault for address: ffffc90000a3f000"
kubectl delete node "$node" > /dev/null
sleep 30
starts shop web registry.example/shop/web:1.5 2.2
starts data cache registry.example/data/cache:7.2 4.4

sleep 3
kill "$eventer"
wait "$eventer"
cp "$work/recording.ndjson" examples/demo/cluster.ndjson
wc examples/demo/cluster.ndjson >&2
