package kubernetes

import (
	"context"
	"encoding/base64"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

const (
	configMapType  = "kubernetes:core/v1:ConfigMap"
	secretType     = "kubernetes:core/v1:Secret"
	serviceType    = "kubernetes:core/v1:Service"
	deploymentType = "kubernetes:apps/v1:Deployment"
	jobType        = "kubernetes:batch/v1:Job"
	claimType      = "kubernetes:core/v1:PersistentVolumeClaim"
	namespaceType  = "kubernetes:core/v1:Namespace"
	definitionType = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
)

func configMap(metadata, data object) object {
	return object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
}

func TestConfigMapLivesAndDies(t *testing.T) {
	s, namespace := connected(t)
	maps := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace)
	manifest := configMap(object{"name": "settings", "labels": object{"team": "money"}}, object{"color": "blue"})

	p, err := s.preview(configMapType, "settings", manifest)
	require.NoError(t, err)
	require.Equal(t, "create", p.kind)
	require.NotEmpty(t, plain(p.outputs["metadata"]).(object)["uid"], "preview shows what the API server would make")
	_, err = maps.Get(t.Context(), "settings", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err), "preview must create nothing")

	made := s.mustUp("create", configMapType, "settings", manifest)
	require.Equal(t, resource.ID(namespace+"/settings"), made.id)
	require.Equal(t, namespace, made.at(t, "metadata.namespace"))
	s.settled(configMapType, "settings", manifest)

	manifest["metadata"].(object)["labels"] = object{"team": "insights"}
	p, err = s.preview(configMapType, "settings", manifest)
	require.NoError(t, err)
	require.Equal(t, map[string]sdk.PropertyDiff{"metadata.labels.team": {Kind: sdk.DiffUpdate}}, p.diff.DetailedDiff)
	s.mustUp("update", configMapType, "settings", manifest)
	s.settled(configMapType, "settings", manifest)

	manifest["metadata"].(object)["labels"] = object{}
	s.mustUp("update", configMapType, "settings", manifest)
	live, err := maps.Get(t.Context(), "settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.NotContains(t, live.Labels, "team", "what is gone from the program is gone from the object")
	s.settled(configMapType, "settings", manifest)

	require.NoError(t, s.destroy(configMapType, "settings"))
	_, err = maps.Get(t.Context(), "settings", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
}

func TestConfigMapDataReplaces(t *testing.T) {
	t.Run("a fixed name is deleted first", func(t *testing.T) {
		s, namespace := connected(t)
		first := s.mustUp("create", configMapType, "settings", configMap(object{"name": "settings"}, object{"color": "blue"}))
		uid := first.at(t, "metadata.uid")

		p, err := s.preview(configMapType, "settings", configMap(object{"name": "settings"}, object{"color": "red"}))
		require.NoError(t, err)
		require.Equal(t, sdk.DiffUpdateReplace, p.diff.DetailedDiff["data.color"].Kind)
		require.True(t, p.diff.DeleteBeforeReplace)

		second := s.mustUp("replace", configMapType, "settings", configMap(object{"name": "settings"}, object{"color": "red"}))
		require.NotEqual(t, uid, second.at(t, "metadata.uid"))
		require.Equal(t, namespace+"/settings", string(second.id))
	})
	t.Run("a made name gives way to another", func(t *testing.T) {
		s, _ := connected(t)
		first := s.mustUp("create", configMapType, "settings", configMap(object{}, object{"color": "blue"}))
		require.Regexp(t, `^settings-[0-9a-f]{8}$`, first.at(t, "metadata.name"))
		s.settled(configMapType, "settings", configMap(object{}, object{"color": "blue"}))

		p, err := s.preview(configMapType, "settings", configMap(object{}, object{"color": "red"}))
		require.NoError(t, err)
		require.Equal(t, "replace", p.kind)
		require.False(t, p.diff.DeleteBeforeReplace)
	})
	t.Run("unless the provider may change it", func(t *testing.T) {
		s, _ := connected(t)
		s.provider.settings.configMapMutable = true
		s.mustUp("create", configMapType, "settings", configMap(object{"name": "settings"}, object{"color": "blue"}))
		changed := s.mustUp("update", configMapType, "settings", configMap(object{"name": "settings"}, object{"color": "red"}))
		require.Equal(t, "red", changed.at(t, "data.color"))
	})
}

func TestRefreshSeesDrift(t *testing.T) {
	s, namespace := connected(t)
	maps := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace)
	manifest := configMap(object{"name": "settings", "labels": object{"team": "money"}}, object{"color": "blue"})
	s.mustUp("create", configMapType, "settings", manifest)

	_, err := maps.Patch(t.Context(), "settings", types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"team":"others","added":"by-hand"}}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	there, err := s.refresh(configMapType, "settings")
	require.NoError(t, err)
	require.True(t, there)

	p, err := s.preview(configMapType, "settings", manifest)
	require.NoError(t, err)
	require.Equal(t, map[string]sdk.PropertyDiff{"metadata.labels.team": {Kind: sdk.DiffUpdate}}, p.diff.DetailedDiff,
		"a label that others added is theirs")

	require.NoError(t, maps.Delete(t.Context(), "settings", metav1.DeleteOptions{}))
	there, err = s.refresh(configMapType, "settings")
	require.NoError(t, err)
	require.False(t, there, "what is gone from the cluster is gone from the state")
	s.mustUp("create", configMapType, "settings", manifest)
}

func TestConflictNamesTheOtherManager(t *testing.T) {
	s, namespace := connected(t)
	maps := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace)
	manifest := func(team string, annotations object) object {
		return configMap(object{
			"name": "settings", "labels": object{"team": team}, "annotations": annotations,
		}, object{})
	}
	s.mustUp("create", configMapType, "settings", manifest("money", object{}))
	_, err := maps.Patch(t.Context(), "settings", types.MergePatchType,
		[]byte(`{"metadata":{"labels":{"team":"others"}}}`), metav1.PatchOptions{FieldManager: "somebody-else"})
	require.NoError(t, err)

	_, err = s.up(configMapType, "settings", manifest("insights", object{}))
	require.ErrorContains(t, err, "somebody-else")
	require.ErrorContains(t, err, "metadata.labels.team")
	require.ErrorContains(t, err, patchForceAnnotation)

	forced := s.mustUp("update", configMapType, "settings", manifest("insights", object{patchForceAnnotation: "true"}))
	require.Equal(t, "insights", forced.at(t, "metadata.labels.team"))
}

func TestExistingObjectIsNotTakenOver(t *testing.T) {
	s, namespace := connected(t)
	_, err := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace).Create(t.Context(),
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "settings"}}, metav1.CreateOptions{})
	require.NoError(t, err)
	manifest := configMap(object{"name": "settings"}, object{"color": "blue"})

	_, err = s.preview(configMapType, "settings", manifest)
	require.NoError(t, err, "at preview its predecessor may still be about to go")
	_, err = s.up(configMapType, "settings", manifest)
	require.ErrorContains(t, err, `configmaps "settings" already exists`)

	s.provider.settings.upsert = true
	s.mustUp("create", configMapType, "settings", manifest)
}

func TestSecretStaysSecret(t *testing.T) {
	s, _ := connected(t)
	encoded := base64.StdEncoding.EncodeToString([]byte("hunter2"))
	manifest := object{
		"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "login"},
		"stringData": object{"password": "hunter2"},
	}
	p, err := s.preview(secretType, "login", manifest)
	require.NoError(t, err)
	require.True(t, p.outputs["data"].IsSecret())

	made := s.mustUp("create", secretType, "login", manifest)
	require.True(t, made.inputs["data"].IsSecret())
	require.NotContains(t, made.inputs, resource.PropertyKey("stringData"))
	require.True(t, made.outputs["data"].IsSecret())
	require.True(t, made.outputs[inputsKey].ContainsSecrets())
	require.Equal(t, encoded, made.at(t, "data.password"))
	s.settled(secretType, "login", manifest)
	require.True(t, s.state[urnOf(secretType, "login")].inputs["data"].IsSecret(), "after refresh too")

	manifest["stringData"] = object{"password": "hunter3"}
	s.mustUp("replace", secretType, "login", manifest)
	s.settled(secretType, "login", manifest)

	// A program may write either form.
	delete(manifest, "stringData")
	manifest["data"] = object{"password": base64.StdEncoding.EncodeToString([]byte("hunter3"))}
	s.settled(secretType, "login", manifest)
}

func TestSecretAnywhereStaysSecret(t *testing.T) {
	s, _ := connected(t)
	manifest := propertyMap(configMap(object{"name": "settings"}, object{"open": "yes"}))
	manifest["data"].ObjectValue()["closed"] = resource.MakeSecret(resource.NewStringProperty("hush"))

	made := s.mustUp("create", configMapType, "settings", manifest)
	require.True(t, made.outputs["data"].ObjectValue()["closed"].IsSecret())
	require.False(t, made.outputs["data"].ObjectValue()["open"].IsSecret())
	require.True(t, made.outputs[inputsKey].ObjectValue()["data"].ObjectValue()["closed"].IsSecret())
}

func TestBadManifestFailsWithTheServersWords(t *testing.T) {
	s, _ := connected(t)
	cases := map[string]struct {
		token    string
		manifest object
		words    string
	}{
		"a value that is not allowed": {
			configMapType, configMap(object{"name": "Not A Name"}, object{}),
			"metadata.name: Invalid value",
		},
		"a required field that is missing": {
			deploymentType, object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": "bad"}, "spec": object{}},
			"spec.selector: Required value",
		},
		"a value of the wrong type": {
			deploymentType, deployment("bad", "image", "three"),
			"cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := s.preview(c.token, "bad", c.manifest)
			require.ErrorContains(t, err, c.words, "preview tells already")
			_, err = s.up(c.token, "bad", c.manifest)
			require.ErrorContains(t, err, c.words)
		})
	}
}

func TestUnknownsPreviewAsTheyAre(t *testing.T) {
	s, _ := connected(t)
	manifest := propertyMap(configMap(object{}, object{}))
	manifest["data"].ObjectValue()["address"] = resource.MakeComputed(resource.NewStringProperty(""))

	p, err := s.preview(configMapType, "settings", manifest)
	require.NoError(t, err)
	require.True(t, p.outputs["data"].ObjectValue()["address"].IsComputed())
	require.Regexp(t, `^settings-[0-9a-f]{8}$`, plain(p.outputs["metadata"]).(object)["name"])

	t.Run("an unknown value is a difference", func(t *testing.T) {
		s, _ := connected(t)
		s.mustUp("create", configMapType, "settings", configMap(object{"name": "settings"}, object{"address": "a"}))
		p, err := s.plan(configMapType, "settings", manifest)
		require.NoError(t, err)
		require.Contains(t, p.diff.DetailedDiff, "data.address")
	})
	t.Run("an unknown name is a name", func(t *testing.T) {
		inputs, err := s.check(urnOf(configMapType, "x"), resource.PropertyMap{
			"apiVersion": resource.NewStringProperty("v1"), "kind": resource.NewStringProperty("ConfigMap"),
			"metadata": resource.NewObjectProperty(resource.PropertyMap{"name": resource.MakeComputed(resource.NewStringProperty(""))}),
		}, nil)
		require.NoError(t, err)
		require.True(t, inputs["metadata"].ObjectValue()["name"].IsComputed())
	})
	t.Run("unknown metadata is left alone", func(t *testing.T) {
		_, err := s.check(urnOf(configMapType, "x"), resource.PropertyMap{
			"apiVersion": resource.NewStringProperty("v1"), "kind": resource.NewStringProperty("ConfigMap"),
			"metadata": resource.MakeComputed(resource.NewStringProperty("")),
		}, nil)
		require.NoError(t, err)
	})
}

func TestWithoutAClusterPreviewReturnsTheInputs(t *testing.T) {
	cases := map[string]object{
		"not configured":          nil,
		"a kubeconfig to come":    {"kubeconfig": unknown{}},
		"a kubeconfig of nothing": {"kubeconfig": "apiVersion: v1\nkind: Config\n"},
	}
	for name, arguments := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, arguments)
			p, err := s.preview(configMapType, "settings", configMap(object{"name": "settings"}, object{"color": "blue"}))
			require.NoError(t, err)
			require.Equal(t, "blue", plain(p.outputs["data"]).(object)["color"])

			p, err = s.preview(releaseType, "web", object{"chart": "no-such-chart", "repositoryOpts": object{"repo": "http://127.0.0.1:1"}})
			require.NoError(t, err)
			require.True(t, p.outputs["status"].IsComputed())

			_, err = s.up(configMapType, "settings", configMap(object{"name": "settings"}, object{}))
			require.ErrorContains(t, err, "cluster is unreachable")
		})
	}
}

func TestMissingNamespaceAndKind(t *testing.T) {
	s, _ := connected(t)
	manifest := configMap(object{"name": "settings", "namespace": "to-come"}, object{"color": "blue"})
	_, err := s.preview(configMapType, "settings", manifest)
	require.NoError(t, err, "at preview its namespace may be to come")

	// The namespace arrives while the object is being tried.
	go func() {
		time.Sleep(100 * time.Millisecond)
		_, err := s.provider.cluster.typed.CoreV1().Namespaces().Create(context.Background(),
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "to-come"}}, metav1.CreateOptions{})
		if err != nil {
			t.Error(err)
		}
	}()
	s.mustUp("create", configMapType, "settings", manifest)

	gadget := object{"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": object{"name": "one"}}
	_, err = s.preview("kubernetes:example.org/v1:Gadget", "one", gadget)
	require.NoError(t, err, "at preview its kind may be to come")
	_, err = s.up("kubernetes:example.org/v1:Gadget", "one", gadget)
	require.ErrorContains(t, err, "no matches for kind")
	require.ErrorContains(t, err, "custom resource definition")
}

func deployment(name, image string, replicas any) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"name": name},
		"spec": object{
			"replicas": replicas,
			"selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels},
				"spec": object{"containers": []any{object{
					"name": "main", "image": image,
					"env":   []any{object{"name": "EMPTY", "value": ""}, object{"name": "FULL", "value": "1"}},
					"ports": []any{object{"containerPort": 8080}},
					"resources": object{
						"requests": object{"cpu": "1000m", "memory": "1024Mi"},
						"limits":   object{"cpu": 2, "memory": "2Gi"},
					},
				}}},
			},
		},
	}
}

// kubelet makes every pod of a namespace ready, or fail, until the test ends.
func kubelet(t *testing.T, client kubernetes.Interface, namespace string, change func(*corev1.Pod)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
			if err == nil {
				for i := range pods.Items {
					pod := &pods.Items[i]
					if pod.DeletionTimestamp != nil {
						zero := int64(0)
						_ = client.CoreV1().Pods(namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero})
						continue
					}
					if pod.Status.Phase == corev1.PodPending {
						change(pod)
						_, _ = client.CoreV1().Pods(namespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{})
					}
				}
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { stop(); <-done })
}

func ready(pod *corev1.Pod) {
	now := metav1.Now()
	pod.Status.Phase = corev1.PodRunning
	pod.Status.PodIP = "10.0.0.1"
	pod.Status.PodIPs = []corev1.PodIP{{IP: "10.0.0.1"}}
	pod.Status.StartTime = &now
	pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
		{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
	}
}

func TestDeploymentRollsOut(t *testing.T) {
	s, namespace := connected(t)
	client := s.provider.cluster.typed
	kubelet(t, client, namespace, ready)
	manifest := deployment("web", "web:1", 2)

	p, err := s.preview(deploymentType, "web", manifest)
	require.NoError(t, err)
	require.NotContains(t, p.outputs, resource.PropertyKey("status"), "an empty status is not the one to come")

	made := s.mustUp("create", deploymentType, "web", manifest)
	require.EqualValues(t, 2, made.at(t, "status.availableReplicas"), "it was waited for")
	s.settled(deploymentType, "web", manifest)

	manifest["spec"].(object)["template"].(object)["spec"].(object)["containers"].([]any)[0].(object)["image"] = "web:2"
	p, err = s.preview(deploymentType, "web", manifest)
	require.NoError(t, err)
	require.Equal(t, map[string]sdk.PropertyDiff{
		"spec.template.spec.containers[0].image": {Kind: sdk.DiffUpdate},
	}, p.diff.DetailedDiff)
	updated := s.mustUp("update", deploymentType, "web", manifest)
	require.EqualValues(t, 2, updated.at(t, "status.updatedReplicas"))
	s.settled(deploymentType, "web", manifest)

	t.Run("its selector replaces it", func(t *testing.T) {
		other := deployment("web", "web:2", 2)
		other["spec"].(object)["selector"] = object{"matchLabels": object{"app": "web", "track": "blue"}}
		p, err := s.plan(deploymentType, "web", other)
		require.NoError(t, err)
		require.Equal(t, "replace", p.kind)
		require.True(t, p.diff.DeleteBeforeReplace)
	})
	t.Run("ignored replicas stay with their owner", func(t *testing.T) {
		_, err := client.AppsV1().Deployments(namespace).UpdateScale(t.Context(), "web",
			scaleTo(t, client, namespace, "web", 3), metav1.UpdateOptions{FieldManager: "autoscaler"})
		require.NoError(t, err)
		_, err = s.refresh(deploymentType, "web")
		require.NoError(t, err)
		p, err := s.plan(deploymentType, "web", manifest, ignoring("spec.replicas"))
		require.NoError(t, err)
		require.NotContains(t, p.diff.DetailedDiff, "spec.replicas")

		manifest["metadata"].(object)["labels"] = object{"round": "two"}
		s.mustUp("update", deploymentType, "web", manifest, ignoring("spec.replicas"))
		live, err := client.AppsV1().Deployments(namespace).Get(t.Context(), "web", metav1.GetOptions{})
		require.NoError(t, err)
		require.EqualValues(t, 3, *live.Spec.Replicas)
	})

	require.NoError(t, s.destroy(deploymentType, "web"))
	sets, err := client.AppsV1().ReplicaSets(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.Empty(t, sets.Items, "a deletion takes along what the object owns")
}

func TestDeploymentThatIsNotReadyIsKeptAndResumed(t *testing.T) {
	s, namespace := connected(t)
	client := s.provider.cluster.typed
	kubelet(t, client, namespace, func(pod *corev1.Pod) {
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
			Name: "main", Image: "web:1",
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
				Reason: "ImagePullBackOff", Message: "no such image",
			}},
		}}
	})
	manifest := deployment("web", "web:1", 1)

	_, err := s.up(deploymentType, "web", manifest, within(time.Second))
	require.ErrorContains(t, err, "Deployment "+namespace+"/web is not ready: timed out after 1s")
	kept := s.state[urnOf(deploymentType, "web")]
	require.NotNil(t, kept, "what exists is in the state")
	require.Equal(t, resource.ID(namespace+"/web"), kept.id)
	require.Contains(t, joined(kept.reasons), "ImagePullBackOff: no such image")

	_, err = s.refresh(deploymentType, "web")
	require.NoError(t, err)
	require.NotEmpty(t, s.state[urnOf(deploymentType, "web")].reasons, "a refresh does not forget that it is not ready")

	pods, err := client.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	for i := range pods.Items {
		ready(&pods.Items[i])
		_, err := client.CoreV1().Pods(namespace).UpdateStatus(t.Context(), &pods.Items[i], metav1.UpdateOptions{})
		require.NoError(t, err)
	}
	s.mustUp("update", deploymentType, "web", manifest)
	s.settled(deploymentType, "web", manifest)
}

func TestSkipAwaitDoesNotWait(t *testing.T) {
	s, _ := connected(t)
	manifest := deployment("web", "web:1", 1)
	manifest["metadata"].(object)["annotations"] = object{skipAwaitAnnotation: "true"}
	s.mustUp("create", deploymentType, "web", manifest, within(time.Second))
	s.settled(deploymentType, "web", manifest)
	require.NoError(t, s.destroy(deploymentType, "web"))
}

func TestCancellationEndsTheWaitAndKeepsTheObject(t *testing.T) {
	s, _ := connected(t)
	go func() {
		time.Sleep(300 * time.Millisecond)
		_ = s.provider.SignalCancellation(context.Background())
	}()
	_, err := s.up(deploymentType, "web", deployment("web", "web:1", 1))
	require.ErrorContains(t, err, "cancelled while")
	require.NotNil(t, s.state[urnOf(deploymentType, "web")])
}

func service(name string, spec object) object {
	return object{"apiVersion": "v1", "kind": "Service", "metadata": object{"name": name}, "spec": spec}
}

func TestServiceWaitsForItsEndpoints(t *testing.T) {
	s, namespace := connected(t)
	client := s.provider.cluster.typed
	spec := object{"selector": object{"app": "web"}, "ports": []any{object{"port": 80, "targetPort": "http"}}}

	// One that selects nothing yet is as ready as it can be.
	s.mustUp("create", serviceType, "web", service("web", spec))
	s.settled(serviceType, "web", service("web", spec))

	// One whose pods are on their way waits for them.
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: "later-1", Labels: map[string]string{discoveryv1.LabelServiceName: "later"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.9"}, Conditions: discoveryv1.EndpointConditions{Ready: new(bool)}}},
	}
	slice, err := client.DiscoveryV1().EndpointSlices(namespace).Create(t.Context(), slice, metav1.CreateOptions{})
	require.NoError(t, err)
	_, err = s.up(serviceType, "later", service("later", spec), within(time.Second))
	require.ErrorContains(t, err, "waiting for 1 of 1 endpoints to be ready")
	*slice.Endpoints[0].Conditions.Ready = true
	_, err = client.DiscoveryV1().EndpointSlices(namespace).Update(t.Context(), slice, metav1.UpdateOptions{})
	require.NoError(t, err)
	s.mustUp("update", serviceType, "later", service("later", spec))

	t.Run("its cluster IP replaces it", func(t *testing.T) {
		p, err := s.plan(serviceType, "web", service("web", object{
			"selector": object{"app": "web"}, "ports": spec["ports"], "clusterIP": "None",
		}))
		require.NoError(t, err)
		require.Equal(t, "replace", p.kind)
	})
}

func TestLoadBalancerWaitsForItsAddress(t *testing.T) {
	s, namespace := connected(t)
	client := s.provider.cluster.typed
	manifest := service("edge", object{"type": "LoadBalancer", "ports": []any{object{"port": 443}}})

	_, err := s.up(serviceType, "edge", manifest, within(500*time.Millisecond))
	require.ErrorContains(t, err, "load balancer's address")

	live, err := client.CoreV1().Services(namespace).Get(t.Context(), "edge", metav1.GetOptions{})
	require.NoError(t, err)
	live.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}
	_, err = client.CoreV1().Services(namespace).UpdateStatus(t.Context(), live, metav1.UpdateOptions{})
	require.NoError(t, err)
	resumed := s.mustUp("update", serviceType, "edge", manifest)
	require.Equal(t, "192.0.2.1", resumed.at(t, "status.loadBalancer.ingress[0].ip"))
	s.settled(serviceType, "edge", manifest)
}

func job(name string) object {
	return object{
		"apiVersion": "batch/v1", "kind": "Job", "metadata": object{"name": name},
		"spec": object{
			"backoffLimit": 0,
			"template": object{"spec": object{
				"restartPolicy": "Never",
				"containers":    []any{object{"name": "main", "image": "job:1"}},
			}},
		},
	}
}

func TestJobCompletesOrFails(t *testing.T) {
	t.Run("complete", func(t *testing.T) {
		s, namespace := connected(t)
		kubelet(t, s.provider.cluster.typed, namespace, func(pod *corev1.Pod) {
			pod.Status.Phase = corev1.PodSucceeded
		})
		made := s.mustUp("create", jobType, "topics", job("topics"))
		require.EqualValues(t, 1, made.at(t, "status.succeeded"))
		s.settled(jobType, "topics", job("topics"))

		other := job("topics")
		other["spec"].(object)["template"].(object)["spec"].(object)["containers"] = []any{object{"name": "main", "image": "job:2"}}
		p, err := s.plan(jobType, "topics", other)
		require.NoError(t, err)
		require.Equal(t, "replace", p.kind)
		require.True(t, p.diff.DeleteBeforeReplace)
	})
	t.Run("failed", func(t *testing.T) {
		s, namespace := connected(t)
		kubelet(t, s.provider.cluster.typed, namespace, func(pod *corev1.Pod) {
			pod.Status.Phase = corev1.PodFailed
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
				Name: "main", Image: "job:1",
				State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}},
			}}
		})
		_, err := s.up(jobType, "topics", job("topics"))
		require.ErrorContains(t, err, "the job failed: BackoffLimitExceeded")
		require.Contains(t, joined(s.state[urnOf(jobType, "topics")].reasons), "container main ended with exit code 3")
	})
}

func TestClaimWaitsUnlessItsClassWaitsForAPod(t *testing.T) {
	s, _ := connected(t)
	claim := func(name, class string) object {
		return object{
			"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": object{"name": name},
			"spec": object{
				"accessModes": []any{"ReadWriteOnce"}, "storageClassName": class,
				"resources": object{"requests": object{"storage": "1Gi"}},
			},
		}
	}
	class := object{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": object{"name": "late"},
		"provisioner": "example.org/none", "volumeBindingMode": "WaitForFirstConsumer",
	}
	s.mustUp("create", "kubernetes:storage.k8s.io/v1:StorageClass", "late", class)
	s.mustUp("create", claimType, "late", claim("late", "late"))
	s.settled(claimType, "late", claim("late", "late"))

	_, err := s.up(claimType, "now", claim("now", "missing"), within(300*time.Millisecond))
	require.ErrorContains(t, err, `there is no storage class "missing"`)
}

func definition(group, kind, plural, scope string) object {
	return object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": plural + "." + group},
		"spec": object{
			"group": group, "scope": scope,
			"names": object{"kind": kind, "plural": plural, "listKind": kind + "List", "singular": plural[:len(plural)-1]},
			"versions": []any{object{
				"name": "v1", "served": true, "storage": true, "subresources": object{"status": object{}},
				"schema": object{"openAPIV3Schema": object{
					"type": "object",
					"properties": object{
						"spec":   object{"type": "object", "x_kubernetes_preserve_unknown_fields": true},
						"status": object{"type": "object", "x_kubernetes_preserve_unknown_fields": true},
					},
				}},
			}},
		},
	}
}

func TestDefinitionAndItsResources(t *testing.T) {
	s, namespace := connected(t)
	const widgetType = "kubernetes:tests.example.org/v1:Widget"
	crd := definition("tests.example.org", "Widget", "widgets", "Namespaced")
	widget := object{
		"apiVersion": "tests.example.org/v1", "kind": "Widget", "metadata": object{"name": "one"},
		"spec": object{"size": 3, "ratio": 0.5, "tags": []any{"a", "b"}, "nested": object{"empty": object{}}},
	}

	s.mustUp("create", definitionType, "widgets", crd)
	s.settled(definitionType, "widgets", crd)
	made := s.mustUp("create", widgetType, "one", widget)
	require.Equal(t, resource.ID(namespace+"/one"), made.id)
	s.settled(widgetType, "one", widget)

	widget["spec"].(object)["tags"] = []any{"a"}
	p, err := s.preview(widgetType, "one", widget)
	require.NoError(t, err)
	require.Equal(t, sdk.DiffDelete, p.diff.DetailedDiff["spec.tags[1]"].Kind)
	s.mustUp("update", widgetType, "one", widget)
	s.settled(widgetType, "one", widget)

	versions := crd["spec"].(object)["versions"].([]any)
	versions[0].(object)["additionalPrinterColumns"] = []any{object{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}}
	s.mustUp("update", definitionType, "widgets", crd)
	s.settled(definitionType, "widgets", crd)

	require.NoError(t, s.destroy(definitionType, "widgets"))
	require.NoError(t, s.destroy(widgetType, "one"), "with its definition went the resource")
	s.state[urnOf(widgetType, "one")] = made
	there, err := s.refresh(widgetType, "one")
	require.NoError(t, err)
	require.False(t, there)
}

func TestClusterScopedResourceGetsNoNamespace(t *testing.T) {
	s, _ := connected(t)
	s.mustUp("create", definitionType, "planets", definition("wide.example.org", "Planet", "planets", "Cluster"))
	planet := object{"apiVersion": "wide.example.org/v1", "kind": "Planet", "metadata": object{"name": "mars"}}
	made := s.mustUp("create", "kubernetes:wide.example.org/v1:Planet", "mars", planet)
	require.Equal(t, resource.ID("mars"), made.id)
	s.settled("kubernetes:wide.example.org/v1:Planet", "mars", planet)
}

func TestWaitForHoldsUntilTheConditionDoes(t *testing.T) {
	s, _ := connected(t)
	const kind = "kubernetes:waits.example.org/v1:Kettle"
	s.mustUp("create", definitionType, "kettles", definition("waits.example.org", "Kettle", "kettles", "Namespaced"))
	kettle := object{
		"apiVersion": "waits.example.org/v1", "kind": "Kettle",
		"metadata": object{"name": "one", "annotations": object{
			waitForAnnotation: `["jsonpath={.status.phase}=Boiling", "condition=Ready"]`,
		}},
	}
	_, err := s.up(kind, "one", kettle, within(300*time.Millisecond))
	require.ErrorContains(t, err, "waiting for {.status.phase}=Boiling")

	live := s.state[urnOf(kind, "one")]
	patchStatus(t, s, kind, live, `{"status":{"phase":"Boiling","conditions":[{"type":"Ready","status":"False","message":"hot"}]}}`)
	_, err = s.up(kind, "one", kettle, within(300*time.Millisecond))
	require.ErrorContains(t, err, "waiting for condition Ready to be True (it is False: hot)")

	patchStatus(t, s, kind, live, `{"status":{"conditions":[{"type":"Ready","status":"True"}]}}`)
	s.mustUp("update", kind, "one", kettle)
	s.settled(kind, "one", kettle)
}

func TestPatchChangesAndReleasesItsFields(t *testing.T) {
	s, namespace := connected(t)
	const kind = "kubernetes:core/v1:ConfigMapPatch"
	maps := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace)
	_, err := maps.Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "theirs"}, Data: map[string]string{"own": "1"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	_, err = s.up(kind, "nameless", configMap(object{}, object{"added": "2"}))
	require.ErrorContains(t, err, "metadata.name")

	s.mustUp("create", kind, "theirs", configMap(object{"name": "theirs"}, object{"added": "2"}))
	s.settled(kind, "theirs", configMap(object{"name": "theirs"}, object{"added": "2"}))
	s.mustUp("update", kind, "theirs", configMap(object{"name": "theirs"}, object{"added": "3"}))
	live, err := maps.Get(t.Context(), "theirs", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"own": "1", "added": "3"}, live.Data)

	require.NoError(t, s.destroy(kind, "theirs"))
	live, err = maps.Get(t.Context(), "theirs", metav1.GetOptions{})
	require.NoError(t, err, "the object is somebody else's")
	require.Equal(t, map[string]string{"own": "1"}, live.Data)
}

func TestImportReadsWhatIsThere(t *testing.T) {
	s, namespace := connected(t)
	_, err := s.provider.cluster.typed.CoreV1().Secrets(namespace).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "login"}, StringData: map[string]string{"password": "hunter2"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)

	urn := urnOf(secretType, "login")
	res, err := s.provider.Read(t.Context(), sdk.ReadRequest{URN: urn, ID: resource.ID(namespace + "/login")})
	require.NoError(t, err)
	require.True(t, res.Outputs["data"].IsSecret())
	require.True(t, res.Inputs["data"].IsSecret())
	metadata := plain(res.Inputs["metadata"]).(object)
	require.Equal(t, object{"name": "login", "namespace": namespace}, metadata)

	s.state[urn] = &recorded{id: res.ID, inputs: res.Inputs, outputs: res.Outputs}
	s.settled(secretType, "login", object{
		"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "login"},
		"type": "Opaque", "stringData": object{"password": "hunter2"},
	})

	res, err = s.provider.Read(t.Context(), sdk.ReadRequest{URN: urn, ID: resource.ID(namespace + "/nobody")})
	require.NoError(t, err)
	require.Empty(t, res.ID)
}

func TestNamespaceIsGoneWhenItsDeletionReturns(t *testing.T) {
	s, _ := connected(t)
	manifest := object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "short-lived"}}
	s.mustUp("create", namespaceType, "ns", manifest)
	s.settled(namespaceType, "ns", manifest)
	s.mustUp("create", configMapType, "inside", configMap(object{"name": "inside", "namespace": "short-lived"}, object{"a": "b"}))

	require.NoError(t, s.destroy(namespaceType, "ns"))
	_, err := s.provider.cluster.typed.CoreV1().Namespaces().Get(t.Context(), "short-lived", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	require.NoError(t, s.destroy(configMapType, "inside"), "what is gone already is fine")
}

func TestUnreachableClusterMayBeForgotten(t *testing.T) {
	arguments := object{"kubeconfig": "nothing: there", "deleteUnreachable": "true"}
	s := newStack(t, arguments)
	urn := urnOf(configMapType, "settings")
	s.state[urn] = &recorded{id: "default/settings", inputs: propertyMap(configMap(object{"name": "settings"}, object{}))}
	there, err := s.refresh(configMapType, "settings")
	require.NoError(t, err)
	require.False(t, there)

	s.provider.settings.deleteUnreachable = false
	s.state[urn] = &recorded{id: "default/settings"}
	require.ErrorContains(t, s.destroy(configMapType, "settings"), "PULUMI_K8S_DELETE_UNREACHABLE")
}
