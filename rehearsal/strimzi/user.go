package strimzi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const userPasswordLength = 32

// UserSettings are what the cluster operator tells the user operator.
type UserSettings struct {
	Namespace, Cluster string
	Bootstrap          string
	ClientsCACert      string // names of Secrets
	ClientsCAKey       string
	ClusterCACert      string
	Certificate        string
	SecretPrefix       string
	ACLs               bool // whether the cluster checks them
	Validity, Renewal  int32
	Interval           time.Duration
}

// users makes Kafka's users of KafkaUser resources: credentials, ACLs, quotas,
// and a Secret for who is to use them.
type users struct {
	client  client.Client
	live    client.Reader
	apply   *applier
	connect Connect
	now     func() time.Time
	UserSettings

	mu    sync.Mutex
	known map[string]string // fingerprints of the passwords that Kafka was given

	strays chan event.TypedGenericEvent[*kafkav1.KafkaUser]
}

func (r *users) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var user kafkav1.KafkaUser
	err := r.live.Get(ctx, request.NamespacedName, &user)
	if client.IgnoreNotFound(err) != nil {
		return ctrl.Result{}, err
	}
	if err != nil || user.DeletionTimestamp != nil || user.Labels[labelCluster] != r.Cluster {
		return ctrl.Result{}, r.remove(ctx, request.Name)
	}
	if user.Status == nil {
		user.Status = &kafkav1.KafkaUserStatus{}
	}
	before := user.DeepCopy()
	user.Status.ObservedGeneration = user.Generation
	if user.Annotations[annotationPaused] == "true" {
		user.Status.Conditions = []kafkav1.Condition{{Type: conditionPaused, Status: "True"}}
		return ctrl.Result{RequeueAfter: r.Interval}, r.writeStatus(ctx, &user, before)
	}
	err = r.bring(ctx, &user)
	var bad invalid
	switch {
	case err == nil:
		user.Status.Conditions = []kafkav1.Condition{condition(conditionReady, "", "")}
	case errors.As(err, &bad):
		log.FromContext(ctx).Info("the resource is invalid", "reason", bad.message)
		user.Status.Conditions = []kafkav1.Condition{condition(conditionNotReady, reasonInvalid, bad.message)}
		err = nil
	default:
		user.Status.Conditions = []kafkav1.Condition{condition(conditionNotReady, reasonTimeout, err.Error())}
	}
	if err = errors.Join(err, r.writeStatus(ctx, &user, before)); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{RequeueAfter: r.Interval}, nil
}

func (r *users) writeStatus(ctx context.Context, user, before *kafkav1.KafkaUser) error {
	user.Status.Conditions = dated(user.Status.Conditions, before.Status.Conditions, r.now())
	if equality.Semantic.DeepEqual(user.Status, before.Status) {
		return nil
	}
	if err := r.client.Status().Update(ctx, user); ignoreConflict(err) != nil {
		return fmt.Errorf("status of KafkaUser %s: %w", user.Name, client.IgnoreNotFound(err))
	}
	return nil
}

// wantedUser is what Kafka should know of a user.
type wantedUser struct {
	name      string // as Kafka calls it
	other     string // as Kafka would call it with the other kind of credentials
	scram     bool
	password  string
	secret    map[string][]byte // nil for a user without a Secret
	acls      []ACL
	quotas    map[string]float64
	hasSecret bool
}

func (r *users) bring(ctx context.Context, user *kafkav1.KafkaUser) error {
	if user.Spec == nil {
		return invalidf("spec is missing")
	}
	want := wantedUser{quotas: quotasOf(user.Spec.Quotas)}
	var err error
	if want.acls, err = aclsOf(user.Spec.Authorization); err != nil {
		return err
	}
	if user.Spec.Authorization != nil && !r.ACLs {
		return invalidf("authorization is set, but the Kafka cluster %s has no spec.kafka.authorization of type simple", r.Cluster)
	}
	if err := r.credentials(ctx, user, &want); err != nil {
		return err
	}
	user.Status.Username, user.Status.Secret = want.name, ""
	if want.hasSecret {
		user.Status.Secret = r.SecretPrefix + user.Name
		if err := r.apply.apply(ctx, r.secretOf(user, want.secret)); err != nil {
			return err
		}
	}
	return r.withKafka(ctx, func(admin Admin) error { return r.write(admin, want) })
}

// write makes Kafka know of the user what is wanted, and nothing else.
func (r *users) write(admin Admin, want wantedUser) error {
	plain := want.name
	if !want.scram {
		plain = want.other
	}
	has, err := admin.HasPassword(plain)
	if err != nil {
		return err
	}
	hash := fingerprint([]byte(want.password))
	switch {
	case want.scram && (!has || r.passwordOf(plain) != hash):
		// Kafka tells nothing by which a password could be compared, so it is
		// written once after each start of the operator.
		if err := admin.SetPassword(plain, want.password); err != nil {
			return err
		}
		r.remember(plain, hash)
	case !want.scram && has:
		if err := admin.RemovePassword(plain); err != nil {
			return err
		}
		r.remember(plain, "")
	}
	if r.ACLs {
		if err := admin.SetACLs(userPrefix+want.name, want.acls); err != nil {
			return err
		}
		if err := admin.SetACLs(userPrefix+want.other, nil); err != nil {
			return err
		}
	}
	if err := admin.SetQuotas(want.name, want.quotas); err != nil {
		return err
	}
	return admin.SetQuotas(want.other, nil)
}

// remove deletes the user from Kafka; its Secret goes with its owner.
func (r *users) remove(ctx context.Context, name string) error {
	log.FromContext(ctx).Info("removing the user from Kafka", "user", name)
	r.remember(name, "")
	return r.withKafka(ctx, func(admin Admin) error {
		has, err := admin.HasPassword(name)
		if err != nil {
			return err
		}
		if has {
			if err := admin.RemovePassword(name); err != nil {
				return err
			}
		}
		for _, principal := range []string{name, "CN=" + name} {
			if r.ACLs {
				if err := admin.SetACLs(userPrefix+principal, nil); err != nil {
					return err
				}
			}
			if err := admin.SetQuotas(principal, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *users) credentials(ctx context.Context, user *kafkav1.KafkaUser, want *wantedUser) error {
	want.name, want.other = user.Name, "CN="+user.Name
	if user.Spec.Authentication == nil {
		return nil
	}
	switch kind := user.Spec.Authentication.Type; kind {
	case kafkav1.SCRAM_SHA_512_KAFKAUSERAUTHENTICATIONTYPE:
		password, err := r.password(ctx, user)
		if err != nil {
			return err
		}
		want.scram, want.hasSecret, want.password = true, true, password
		want.secret = map[string][]byte{
			"password": []byte(password),
			"sasl.jaas.config": fmt.Appendf(nil,
				"org.apache.kafka.common.security.scram.ScramLoginModule required username=%q password=%q;", user.Name, password),
		}
	case kafkav1.TLS_KAFKAUSERAUTHENTICATIONTYPE:
		want.name, want.other, want.hasSecret = want.other, want.name, true
		var err error
		want.secret, err = r.certificate(ctx, user)
		return err
	case kafkav1.TLS_EXTERNAL_KAFKAUSERAUTHENTICATIONTYPE:
		want.name, want.other = want.other, want.name
	default:
		return invalidf("authentication of type %q is not supported", kind)
	}
	return nil
}

// password is the one the resource points at, or the one in the user's Secret, or
// a new one.
func (r *users) password(ctx context.Context, user *kafkav1.KafkaUser) (string, error) {
	if given := user.Spec.Authentication.Password; given != nil {
		if given.ValueFrom == nil || given.ValueFrom.SecretKeyRef == nil {
			return "", invalidf("authentication.password has no valueFrom.secretKeyRef")
		}
		ref := given.ValueFrom.SecretKeyRef
		secret, err := r.read(ctx, ref.Name)
		if err != nil {
			return "", err
		}
		password := string(secret.Data[ref.Key])
		if password == "" {
			return "", invalidf("Secret %s with the key %s, where the password should be, does not exist or is empty", ref.Name, ref.Key)
		}
		return password, nil
	}
	secret, err := r.read(ctx, r.SecretPrefix+user.Name)
	if err != nil {
		return "", err
	}
	if password := string(secret.Data["password"]); password != "" {
		return password, nil
	}
	return newPassword(userPasswordLength)
}

// certificate is signed by the clients' authority, for listeners that know users
// by it.
func (r *users) certificate(ctx context.Context, user *kafkav1.KafkaUser) (map[string][]byte, error) {
	cert, err := r.read(ctx, r.ClientsCACert)
	if err != nil {
		return nil, err
	}
	key, err := r.read(ctx, r.ClientsCAKey)
	if err != nil {
		return nil, err
	}
	ca, err := parseAuthority(pair{cert: cert.Data["ca.crt"], key: key.Data["ca.key"]})
	if err != nil {
		return nil, fmt.Errorf("the clients' certificate authority: %w", err)
	}
	old, err := r.read(ctx, r.SecretPrefix+user.Name)
	if err != nil {
		return nil, err
	}
	p := pair{cert: old.Data["user.crt"], key: old.Data["user.key"]}
	wanted := request{commonName: user.Name, plain: true, days: r.Validity}
	password, store := string(old.Data["user.password"]), old.Data["user.p12"]
	if ca.stale(p, wanted, r.Renewal, r.now()) != "" || password == "" || len(store) == 0 {
		if p, err = ca.issue(wanted, r.now()); err != nil {
			return nil, err
		}
		if password == "" {
			if password, err = newPassword(storePasswordLength); err != nil {
				return nil, err
			}
		}
		if store, err = keyStore(p, password); err != nil {
			return nil, err
		}
	}
	return map[string][]byte{
		"ca.crt": ca.cert, "user.crt": p.cert, "user.key": p.key, "user.p12": store, "user.password": []byte(password),
	}, nil
}

func (r *users) secretOf(user *kafkav1.KafkaUser, data map[string][]byte) *corev1.Secret {
	labels := map[string]string{
		labelCluster:                   r.Cluster,
		labelKind:                      "KafkaUser",
		"app.kubernetes.io/name":       userOperatorName,
		"app.kubernetes.io/instance":   user.Name,
		"app.kubernetes.io/part-of":    "strimzi-" + user.Name,
		"app.kubernetes.io/managed-by": userOperatorName,
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: user.Namespace, Name: r.SecretPrefix + user.Name, Labels: labels,
			OwnerReferences: ownedBy(user, "KafkaUser"),
		},
		Type: corev1.SecretTypeOpaque,
		Data: data,
	}
	if t := user.Spec.Template; t != nil {
		secret.Labels = merged(templateLabels(t.Secret), labels)
		secret.Annotations = templateAnnotations(t.Secret)
	}
	return secret
}

// withKafka connects as the user operator.
func (r *users) withKafka(ctx context.Context, do func(Admin) error) error {
	settings, err := r.tls(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	admin, err := r.connect(ctx, []string{r.Bootstrap}, settings)
	if err != nil {
		return err
	}
	defer func() { _ = admin.Close() }()
	return do(admin)
}

func (r *users) tls(ctx context.Context) (*tls.Config, error) {
	own, err := r.read(ctx, r.Certificate)
	if err != nil {
		return nil, err
	}
	ca, err := r.read(ctx, r.ClusterCACert)
	if err != nil {
		return nil, err
	}
	return clientTLS(pair{cert: own.Data[entityCertKey+".crt"], key: own.Data[entityCertKey+".key"]}, ca.Data["ca.crt"])
}

func (r *users) read(ctx context.Context, name string) (*corev1.Secret, error) {
	var secret corev1.Secret
	err := r.live.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, &secret)
	if apierrors.IsNotFound(err) {
		return &corev1.Secret{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read Secret %s: %w", name, err)
	}
	return &secret, nil
}

func (r *users) passwordOf(user string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[user]
}

func (r *users) remember(user, hash string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[user] = hash
}

// resourceName is what a KafkaUser can be called; other users are not ours.
var resourceName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

// sweep looks now and then for users that Kafka knows and no resource names: those
// whose resource was deleted while the operator did not run.
func (r *users) sweep(ctx context.Context) error {
	tick := time.NewTicker(r.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := r.withKafka(ctx, func(admin Admin) error {
			names, err := admin.Users()
			if err != nil {
				return err
			}
			return r.enqueue(ctx, names)
		})
		if err != nil {
			log.FromContext(ctx).Error(err, "looking for users without a resource")
		}
	}
}

func (r *users) enqueue(ctx context.Context, names []string) error {
	for _, name := range names {
		if !resourceName.MatchString(name) {
			continue
		}
		var user kafkav1.KafkaUser
		err := r.live.Get(ctx, client.ObjectKey{Namespace: r.Namespace, Name: name}, &user)
		if err == nil && user.Labels[labelCluster] == r.Cluster {
			continue // it has its own interval
		}
		if client.IgnoreNotFound(err) != nil {
			return err
		}
		stray := &kafkav1.KafkaUser{ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: name}}
		select {
		case <-ctx.Done():
			return nil
		case r.strays <- event.TypedGenericEvent[*kafkav1.KafkaUser]{Object: stray}:
		}
	}
	return nil
}

func quotasOf(q *kafkav1.KafkaUserQuotas) map[string]float64 {
	quotas := map[string]float64{}
	if q == nil {
		return quotas
	}
	for key, value := range map[string]*int32{
		"producer_byte_rate": q.ProducerByteRate, "consumer_byte_rate": q.ConsumerByteRate, "request_percentage": q.RequestPercentage,
	} {
		if value != nil {
			quotas[key] = float64(*value)
		}
	}
	if q.ControllerMutationRate != nil {
		quotas["controller_mutation_rate"] = *q.ControllerMutationRate
	}
	return quotas
}
