// The container that holds a pod's namespaces in the local cluster.
module sagemaker-operator/tools/pause

go 1.26.0
