package admin

import (
	"fmt"

	"github.com/IBM/sarama"
)

// Publish puts a message on a topic, past every service: for rehearsing what
// must not harm them.
func (k *Kafka) Publish(topic, key string, value []byte) error {
	return k.produce(&sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.ByteEncoder(value)})
}

// Again publishes the very same message once more.
func (k *Kafka) Again(m Message) error {
	return k.produce(&sarama.ProducerMessage{
		Topic: m.Topic, Key: sarama.StringEncoder(m.Key), Value: sarama.ByteEncoder(m.Value), Headers: m.headers,
	})
}

func (k *Kafka) produce(message *sarama.ProducerMessage) error {
	producer, err := sarama.NewSyncProducerFromClient(k.client)
	if err != nil {
		return err
	}
	defer func() { _ = producer.Close() }()
	if _, _, err := producer.SendMessage(message); err != nil {
		return fmt.Errorf("publish on %s: %w", message.Topic, err)
	}
	return nil
}
