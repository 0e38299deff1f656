package merchant

// Words by which banks say how something was paid, in the languages of those whose
// statements were seen. They stand before a name; within one they may be part of it.
var payment = wordSet(`
	card cards purchase purchases payment payments paid pay bill pos terminal debit credit visa mastercard maestro vpay contactless chip tap recurring authorised
	authorized transaction transfer checkcard eftpos direct standing order online mobile withdrawal electronic
	kartenzahlung kartenumsatz girocard debitkarte kreditkarte karte einkauf kauf zahlung lastschrift basislastschrift sepalastschrift einzug sepa dauerauftrag uberweisung abbuchung elv glaubiger
	paiement achat carte bancaire cb facture prlv prelevement europeen emis virement vir
	compra compras tarjeta pago recibo domiciliado adeudo transferencia
	pagamento carta addebito diretto favore acquisto bonifico debito credito
	bea betaalpas betaling pas pasvolgnr incasso algemeen doorlopend gea overboeking betaalautomaat
	platnosc zakup karta uzyciu terminala karty kartou platba nakup transakcja przelew
	kortkop kop kort bankkort autogiro betalning kortbetaling kortbetalning dankort varekjop varekop korttiosto osto pankkikortti
	cartao`)

// Words that join those to a name: they say nothing behind one of them, and may be a
// name's first word elsewhere.
var joining = wordSet(`
	at to by with on for no nr from in of
	mit bei vom von an per der des am im und fur
	par du de chez au aux avec
	con en del por
	di da presso al con
	van met bij het aan naar
	przy w u na z do dla
	hos med till til hjemme pa
	em com ao`)

// What a bank itself charges or pays is told by the words before it: a card's fee is not
// that of a transfer.
var ofTheBank = wordSet(`fee fees charge charges interest tax cost costs commission cashback reversal
	gebuhr gebuhren entgelt zinsen steuer provision
	frais commission interets cotisation comision intereses commissione commissioni interessi spese
	kosten rente oplata prowizja odsetki avgift ranta poplatek urok`)

// withoutPayment takes the words off the beginning that say how something was paid. A
// description of nothing else names nobody.
func withoutPayment(words []string) []string {
	from := 0
	for from < len(words) && (payment[words[from]] || from > 0 && joining[words[from]]) {
		from++
	}
	if from < len(words) && ofTheBank[words[from]] {
		return words
	}
	return words[from:]
}
