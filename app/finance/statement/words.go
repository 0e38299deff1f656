package statement

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The words that banks use, folded: small letters without marks. A person's
// language is not known when a statement is read, so all count at once; words
// that mean different things in two languages are settled by a column's values.

var ligatures = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "ł", "l", "đ", "d", "ı", "i", "&", " ", "\u0307", "")

// fold makes "Betrag (€)" and "BETRAG" the same: letters and digits in small,
// without marks, single spaces between words.
func fold(text string) string {
	text = strings.ToLower(clean(text, maxShort))
	if !ascii(text) {
		text = norm.NFD.String(ligatures.Replace(text))
	}
	var out strings.Builder
	gap := false
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r), unicode.IsDigit(r):
			if gap && out.Len() > 0 {
				out.WriteByte(' ')
			}
			gap = false
			out.WriteRune(r)
		default:
			gap = true
		}
	}
	return out.String()
}

func ascii(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, word := range strings.Fields(words) {
		out[fold(word)] = true
	}
	return out
}

func phrases(lines string) map[string]bool {
	out := map[string]bool{}
	for _, line := range strings.Split(lines, ",") {
		out[fold(line)] = true
	}
	return out
}

// Words of headers, by what a column is for.
var (
	dateWords = set(`date datum dato data fecha dag tag dátum nap dzień päivä päiväys päivämäärä pvm tarih tarihi kuupäev datums дата ημερομηνία dt
		buchungstag buchungsdatum valutadatum wertstellung wertstellungsdatum umsatzdatum transaktionsdatum belegdatum buchung valuta
		bokföringsdag bokföringsdatum transaktionsdag bokført bogført bogføringsdato kirjauspäivä arvopäivä rentedato rentedatum boekdatum boekingsdatum
		könyvelés értéknap tranzakciódátum transactiondate bookingdate valuedate created started completed posted date_time datetime timestamp
		data_lancamento processdatum kaufdatum verarbeitungsdatum
		tanggal tarikh ngày วันที่ תאריך التاريخ datums dátumas laiks datumas datumul дата ден dagsetning päev knjiženja valute transakcije izvršenja проведення операции операції`)
	bookingWords = set(`booking booked posting posted post buchungstag buchungsdatum buchung bookingdate completed zaúčtování zaúčtovania zúčtovania księgowania bokföringsdag
		bokföringsdatum bogført bogføringsdato bokført könyvelés könyvelési comptabilisation comptable registrazione operación operação operacion lancamento lançamento contabile boekdatum boekingsdatum kirjauspäivä
		knjiženja knjiženje księgowania проведения проводки`)
	valueDayWords = set(`value valuta valuty valor valeur wertstellung wertstellungsdatum valutadatum valuedate értéknap arvopäivä rentedato rentedatum`)
	balanceWords  = set(`ยอดคงเหลือ יתרה الرصيد balance saldo solde sold zůstatek zostatok egyenleg kontostand saldot kontosaldo saldi bakiye bakiyesi остаток баланс υπόλοιπο likutis atlikums jääk
		accountbalance runningbalance saldonachbuchung
		saldoul sold stanje saldo_po staða jäägid залишок салдо`)
	feeWords = set(`fee fees commission commissions gebühr gebühren entgelt frais comisión comisiones commissione commissioni comissão kosten poplatek poplatky poplatok opłata prowizja
		díj jutalék avgift avgifter gebyr gebyrer provize komisyon masraf charges комиссия`)
	rateWords    = set(`rate kurs wechselkurs taux cambio kurz árfolyam course exchange`)
	accountWords = set(`account accountname accountnumber accountno accountid konto kontonummer kontonr kontoname rekening rekeningnummer compte cuenta conta conto
		účet účtu ucet rachunek rachunku számla számlaszám hesap iban card karte kortnummer kort carte tarjeta auftragskonto счет счёт tili tilinumero`)
	counterWords = set(`gegen gegenkonto gegenkontonummer counter counterparty contra tegen tegenrekening tegenpartij proti protiúčet protiúčtu protistrana partner partnera empfänger empfaenger
		zahlungspflichtiger zahlungspartner zahlungsbeteiligter kontonummeriban beneficiary payee recipient sender payer kontrahenta kontrahent odbiorcy nadawcy ellenoldali ellenszámla motpart mottagare
		modpart mottaker destinatario destinataire beneficiario ordenante bénéficiaire to from begünstigter auftraggeber other saaja maksaja donneur`)
	amountWords = set(`jumlah nominal จำนวนเงิน סכום المبلغ amount amt betrag umsatz summe częstka částka částky suma sumy kwota kwoty importe importo imp montant bedrag belopp beløp beløb összeg summa
		valor value buchungsbetrag määrä tutar сумма ποσό iznos znesek net netto total monto wartość transactionamount quantia movimento maksud
		valoare valoarea sumos summa suma iznos znesek upphæð сумма сума стойност`)
	originalWords = set(`original foreign fremdwährung ursprung ursprünglicher instructed gross brutto orig quantity units local původní transakce oryginalna`)
	debitWords    = set(`ถอน חובה مدين otot otto výdaje keluar nợ debit debits debet débit débits débito debito debitos debe cargo cargos soll belastung belastungen lastschrift ausgang ausgabe ausgaben withdrawal withdrawals withdrawn
		paidout moneyout outgoing outflow spent dare addebito addebiti uscite uscita retrait retraits dépense dépenses sortie sorties saída saídas gasto gastos retiro retiros uitgaven uitgave
		obciążenia obciążenie wydatki wypłaty terhelés kiadás uttag ut út utgift utgifter ud udgift veloitus borç giden výdej výdaj odchozí расход списание χρέωση af payments payment charge
		teretno duguje isplata isplate terećenje odliv breme deebet debets debetas dugovni rashod rashodi eliberare retrageri plati zadužba дебит витрата витрати видаток`)
	creditWords = set(`ฝาก זכות دائن panot pano příjmy masuk credit credits kredit crédit crédits crédito credito creditos haber abono abonos haben gutschrift gutschriften eingang einnahme einnahmen deposit deposits deposited
		paidin moneyin incoming inflow received avere accredito accrediti entrate entrata versement versements recette recettes entrée entrées entrada entradas ingreso ingresos inkomsten
		uznania uznanie wpływy wpłaty jóváírás bevétel insättning insättningar inn ind inntekt indtægt alacak gelen příjem prijem příchozí приход зачисление πίστωση bij
		potražuje uplata uplate odobrenje priliv dobro kreedit kredīts kreditas prihod prihodi incasari încasări кредит надходження`)
	directionWords = set(`směr směru smer irány yön suunta riktning retning sentido tegn direction indicator sign side kierunek richtung cdi sens dcmark debitcredit creditdebit cdtdbtind sollhaben afbij vorzeichen`)
	currencyWords  = set(`currency währung waluta valuta devise moneda moeda divisa měna mena deviza devizanem pénznem valutakod valutakode valuuta para döviz валюта νόμισμα ccy cur curr curdef buchungswährung munt muntsoort
		valūta valiuta myntur`)
	bankWords  = set(`bank banku banky banca banque banco bankas pankki banka`)
	payeeWords = set(`kontrahenta customer buyer seller shop store supplier payee name namn navn nom nome nombre naam név jméno název nazwa merchant empfänger begünstigter zahlungsempfänger zahlungsempfängerin zahlungspflichtiger zahlungspflichtige zahlungspartner auftraggeber
		beguenstigter kontrahent nadawca odbiorca partner counterparty protistrana tegenpartij mottagare modtager mottaker destinataire bénéficiaire beneficiary beneficiario händler saaja maksaja vendor
		recipient obchodník zahlungsbeteiligter in außen
		platitelj primatelj prejemnik plačnik primalac maksja gavėjas mokėtojas saņēmējs beneficiar plătitor получатель плательщик контрагент отправитель отримувач платник`)
	purposeWords = set(`label komentář komentar comment comments kommentar commentaire comentario identifikace title keterangan uraian deskripsi αιτιολογία תיאור รายการ البيان rubrik aihe dung description descr desc narration narrative particulars details detail memo purpose text verwendungszweck zweck buchungstext buchungsdetails libellé libelle descripción descrição historico histórico
		concepto descrizione causale descrierea omschrijving mededelingen mededeling zpráva správa popis poznámka opis tytuł tytułem közlemény leírás megnevezés beskrivelse beskrivning tekst meddelande
		meddelelse forklaring viesti selite açıklama назначение описание περιγραφή transaktion transaction remittance information notes note avisierungstext beschreibung remark remarks movimiento lançamento opération spezifikation selitys
		namen svrha opis detaliu selgitus paskirtis informācija mērķis detalii explicatii explicații призначення основание skýring tilvísun`)
	categoryWords  = set(`category kategorie categoría categoria catégorie categorie kategoria kategória kategori luokka категория`)
	referenceWords = set(`reference ref referenz kundenreferenz référence referencia referência riferimento kenmerk transactionid id fitid txid číslo identifikátor arkivreferens viite chq cheque check`)
	statusWords    = set(`status state stav estado stato état statut stan állapot tila durum`)
	typeWords      = set(`type typ tipo art soort laji típus rodzaj тип vorgang umsatztyp kind operace operacji code mutatiesoort`)
)

// eastern are parts of Chinese, Japanese and Korean headers, which write no spaces
// between words, each with the word of the sets above that it is taken for. The first that a
// header has counts.
var eastern = []struct {
	word  string
	parts []string
}{
	{"balance", foldAll("残高", "余额", "餘額", "结余", "結餘", "잔액", "잔고")},
	{"fee", foldAll("手数料", "手续费", "手續費", "수수료")},
	{"status", foldAll("状态", "狀態", "交易状态", "상태")},
	{"currency", foldAll("通貨", "币种", "幣別", "货币", "통화")},
	{"gegenkonto", foldAll("对方账", "对方帐", "對方帳", "상대계좌", "相手口座", "振込先口座")},
	{"account", foldAll("口座", "账号", "帐号", "账户", "帳號", "帳戶", "계좌", "卡号", "카드번호", "カード番号")},
	{"time", foldAll("时间戳", "取引時刻", "時刻", "시각")},
	{"direction", foldAll("入出金区分", "借贷", "借貸", "收/支", "收 支", "收支", "입출금구분", "입출금 구분")},
	{"debit", foldAll("出金", "支払", "お支払", "引出", "引落", "支出", "借方", "转出", "提款", "출금", "찾으신", "지급")},
	{"credit", foldAll("入金", "預入", "預り", "収入", "收入", "存入", "贷方", "貸方", "转入", "存款", "입금", "맡기신")},
	{"date", foldAll("日付", "年月日", "取引日", "利用日", "计算日", "日期", "交易日", "记账日", "入账日", "時間", "时间", "거래일", "일자", "날짜", "거래일시", "이용일", "일시")},
	{"amount", foldAll("金額", "金额", "금액", "発生額")},
	{"payee", foldAll("利用店名", "店名", "相手", "对方户名", "对方名称", "交易对方", "对方", "商户", "가맹점", "의뢰인", "받는분", "보낸분")},
	{"description", foldAll("摘要", "内容", "説明", "备注", "備考", "備註", "附言", "用途", "说明", "適用", "メモ", "적요", "내용", "기재", "비고")},
	{"category", foldAll("カテゴリ", "分类", "分類", "분류", "카테고리")},
}

func foldAll(texts ...string) []string {
	for i, text := range texts {
		texts[i] = fold(text)
	}
	return texts
}

// wordsOf are the words of a folded header.
func wordsOf(folded string) []string {
	if !ascii(folded) {
		for _, kind := range eastern {
			if slices.ContainsFunc(kind.parts, func(part string) bool { return strings.Contains(folded, part) }) {
				return []string{kind.word}
			}
		}
	}
	return strings.Fields(folded)
}

// hasWord reports whether a folded header has one of a set of words.
func hasWord(folded string, of map[string]bool) bool {
	return slices.ContainsFunc(wordsOf(folded), func(word string) bool { return of[word] })
}

// Words that make another column of one that looks like a reference or date.
var timeWords = set(`time uhrzeit heure hora ora tijd czas idő tid čas timezone zone`)

// headerWords are all of them: of words in an unknown encoding, these are right.
var headerWords = func() map[string]bool {
	all := map[string]bool{}
	for _, words := range []map[string]bool{dateWords, bookingWords, balanceWords, feeWords, accountWords, counterWords, amountWords, debitWords, creditWords,
		currencyWords, payeeWords, purposeWords, categoryWords, referenceWords, statusWords} {
		for word := range words {
			if len(word) > 3 {
				all[word] = true
			}
		}
	}
	return all
}()

// directions: whether money goes out, by the word a bank says it with.
var directions = func() map[string]bool {
	out := map[string]bool{}
	for word := range phrases(`s, soll, d, dr, deb, debit, dbit, debet, out, outgoing, belastung, lastschrift, ausgabe, ausgang, withdrawal, paid out, money out, sent, expense,
		débit, débito, addebito, dare, cargo, debe, saída, uscita, dépense, gasto, retiro, af, uitgaven, odchozí, výdej, výdaj, md, obciążenie, wn, uznania minus, terhelés, t,
		uttag, ut, utgift, ud, udgift, pano ulos, veloitus, borç, gider, giden, расход, списание, дебет, χρέωση, 支出, 支, 付款, 借, 借方, 出, 出金, 引出, 支払, 출금, 지출, 출, debit note, debits, spending, debet d, deebet`) {
		out[word] = true
	}
	for word := range phrases(`h, haben, c, cr, k, cred, credit, crdt, kredit, in, incoming, gutschrift, einnahme, eingang, deposit, paid in, money in, received, income,
		crédit, crédito, accredito, avere, abono, haber, entrada, entrata, recette, ingreso, bij, inkomsten, příchozí, příjem, dal, uznanie, ma, jóváírás, j,
		insättning, inn, inntekt, ind, indtægt, pano, hyvitys, alacak, gelir, gelen, приход, зачисление, кредит, πίστωση, credits, 收入, 收, 收款, 入账, 贷, 貸, 贷方, 貸方, 存入, 入, 入金, 預入, 受取, 입금, 수입, 입, kreeditt, kreedit`) {
		out[word] = false
	}
	return out
}()

// side reads a word of debit or credit: -1 out, 1 in, 0 neither.
func side(word string) int {
	switch trimmed := strings.TrimSpace(word); trimmed {
	case "-", "\u2212", "\u2013":
		return -1
	case "+":
		return 1
	}
	out, known := directions[fold(word)]
	switch {
	case !known:
		return 0
	case out:
		return -1
	}
	return 1
}

// kinds: whether money goes out, by what a bank or card calls the kind of a movement.
var kinds = func() map[string]bool {
	out := map[string]bool{}
	for word := range phrases(`purchase, purchases, sale, pos, pos purchase, card purchase, debit card purchase, card payment, card transaction, withdrawal, atm, atm withdrawal, cash withdrawal, cash advance, fee, fees, bank fee, service charge,
		interest charge, interest charged, finance charge, bill payment, direct debit, standing order, transfer out, outgoing transfer, sent, spend, spending, expense, online purchase, contactless, chip and pin,
		kauf, einkauf, kartenzahlung, kartenumsatz, lastschrift, auszahlung, abhebung, bargeldabhebung, gebühr, gebühren, dauerauftrag, überweisungsausgang, achat, achat cb, paiement carte, paiement par carte, retrait, prélèvement, frais, virement émis,
		compra, compras, retirada, comisión, pago con tarjeta, recibo, levantamento, tarifa, acquisto, prelievo, commissione, pagamento pos, bonifico in uscita, aankoop, betaalautomaat, geldopname, incasso, köp, kortköp, uttag, kjøp, varekjøp, køb, hævning,
		zakup, płatność kartą, wypłata, opłata, nákup, platba kartou, výběr, poplatek, покупка, оплата, снятие, harcama, satın alma, 消費, ご利用, 消费, 购买, 결제, 사용`) {
		out[word] = true
	}
	for word := range phrases(`refund, refunds, return, returned, credit, credits, deposit, cash deposit, direct deposit, check deposit, salary, payroll, cashback, cash back, interest, interest earned, interest paid, dividend, reversal, chargeback, transfer in, incoming transfer, received, top up, topup, income,
		statement credit, rebate, reward, gutschrift, rückerstattung, erstattung, rückzahlung, retoure, einzahlung, zahlungseingang, überweisungseingang, gehalt, lohn, zinsen, remboursement, avoir, versement, dépôt, virement reçu, salaire, reembolso, devolución, abono, ingreso, nómina,
		depósito, estorno, rimborso, accredito, versamento, bonifico in entrata, stipendio, terugbetaling, retour, storting, salaris, återbetalning, insättning, retur, lön, refusjon, innskudd, refusion, tilbagebetaling, indbetaling, zwrot, wpłata, wpływ,
		vrácení, vratka, vklad, возврат, пополнение, зачисление, iade, 返金, ご返金, 退款, 退货, 환불, 입금`) {
		out[word] = false
	}
	return out
}()

// payments are the kind that goes out of an account, and into a card's.
var payments = phrases(`payment, payments, payment received, card repayment, online payment, autopay, zahlung, zahlungen, paiement, paiements, pago, pagos, pagamento, pagamenti, pagamentos, betaling, betalningar, betalning, betalinger, inbetalning, platba, platby, płatność, płatności, spłata, splátka, платеж, платёж, ödeme, 支払い, お支払い, 还款, 납부`)

// unbooked are the states of what did not, or not yet, move money.
var unbooked = phrases(`pending, reverted, declined, failed, cancelled, canceled, rejected, refused, reversed, expired, authorised, authorized, authorization, hold, on hold, denied, removed, voided, void,
	pdng, info, in progress, processing, scheduled, incomplete, unbooked, vorgemerkt, nicht gebucht, offen, abgelehnt, storniert, ausstehend, in bearbeitung, vorgemerkte buchung,
	en attente, refusé, annulé, en cours, rejeté, pendiente, rechazado, cancelado, anulado, denegado, pendente, rejeitado, recusado, in attesa, in sospeso, annullato, rifiutato, non contabilizzato,
	in behandeling, geweigerd, geannuleerd, gereserveerd, čeká, čekající, čeká na zaúčtování, zamítnuto, zamítnuta, zrušeno, zrušena, blokace, oczekująca, oczekujące, oczekuje, odrzucona, odrzucone, anulowana, w trakcie, blokada,
	függőben, elutasítva, törölve, sikertelen, foglalt, väntande, reserverad, avvisad, makulerad, reservert, avvist, avventer, afventer, afvist, reserveret, venter, varaus, hylätty, odottaa, peruttu, beklemede, reddedildi, iptal,
	в обработке, отклонено, отменено, не выполнено, timeout, failure, blocked, autorizzato, autorizado, autorizada, autorisé, autorisiert, autoryzowana, autorizováno, reserved, umsatz vorgemerkt, vorgemerkter umsatz, 处理中, 交易关闭, 已关闭, 失败, 取消, 승인취소, 취소, 대기, 保留, 未確定`)

// bookedStates are the states of what did move money.
var bookedStates = phrases(`booked, completed, complete, settled, cleared, posted, success, successful, successfully completed, executed, done, processed, paid, finished, book, umsatz gebucht, gebucht, gebuchter umsatz, ausgeführt, abgeschlossen, effectué, exécuté, comptabilisé, terminé,
	contabilizado, completado, realizado, efetivado, concluído, contabilizzato, eseguito, completato, geboekt, verwerkt, voltooid, zaúčtováno, zaúčtovaná, provedeno, zaksięgowana, zaksięgowane, zrealizowana, wykonana, könyvelt, teljesítve, bokförd, bokført, genomförd, gennemført, bogført,
	kirjattu, gerçekleşti, tamamlandı, выполнено, исполнено, проведено, 成功, 交易成功, 支付成功, 已存入零钱, 完了, 確定, 완료, 승인`)

// Names of months, in full; any beginning of three letters or more that no
// other month shares is understood too.
var monthNames = [12]string{
	"january januar jänner janvier enero janeiro gennaio januari leden ledna stycznia styczeń január ianuarie ocak tammikuu января январь січня ιανουάριος ιανουαρίου януари",
	"february februar feber février febrero fevereiro febbraio februari únor února lutego luty február februarie şubat helmikuu февраля февраль лютого φεβρουάριος φεβρουαρίου",
	"march märz mars marzo março maart března březen marca marzec március martie marts mart maaliskuu marec mrz mrt mär марта март березня μάρτιος μαρτίου",
	"april avril abril aprile dubna duben kwietnia kwiecień április aprilie nisan huhtikuu apríl апреля апрель квітня απρίλιος απριλίου",
	"may mai mayo maio maggio mei května květen maja maj május mayıs toukokuu máj мая май травня μάιος μαΐου",
	"june juni juin junio junho giugno června czerwca czerwiec június iunie haziran kesäkuu jún čvn июня июнь червня ιούνιος ιουνίου",
	"july juli juillet julio julho luglio července červenec lipca lipiec július iulie temmuz heinäkuu júl čvc июля июль липня ιούλιος ιουλίου",
	"august août agosto augustus srpna srpen sierpnia sierpień augusztus augusti ağustos elokuu авг августа август серпня αύγουστος αυγούστου",
	"september septembre septiembre setembro settembre září wrzesień września szeptember septembrie eylül syyskuu сентября сентябрь вересня σεπτέμβριος σεπτεμβρίου septembra",
	"october oktober octobre octubre outubro ottobre října říjen października październik október octombrie ekim lokakuu октября октябрь жовтня οκτώβριος οκτωβρίου",
	"november novembre noviembre novembro listopadu listopad listopada noiembrie kasım marraskuu ноября ноябрь листопада νοέμβριος νοεμβρίου novembra",
	"december dezember décembre diciembre dezembro dicembre prosince prosinec grudnia grudzień decembrie desember aralık joulukuu декабря декабрь грудня δεκέμβριος δεκεμβρίου decembra",
}

var months = func() map[string]int {
	whole, begins := map[string]int{}, map[string]int{}
	for i, names := range monthNames {
		for _, name := range strings.Fields(names) {
			name = fold(name)
			whole[name] = i + 1
			letters := []rune(name)
			for n := 3; n < len(letters); n++ {
				if other, known := begins[string(letters[:n])]; known && other != i+1 {
					begins[string(letters[:n])] = -1
					continue
				}
				begins[string(letters[:n])] = i + 1
			}
		}
	}
	// Beginnings that several languages' months share, as they are used.
	for word, month := range map[string]int{"mar": 3, "juni": 6, "juin": 6, "jui": -1, "lis": 11, "cze": 6, "cer": -1, "sept": 9} {
		begins[word] = month
	}
	for word, month := range begins {
		if _, known := whole[word]; !known && month > 0 {
			whole[word] = month
		}
	}
	return whole
}()

// weekdays are days of the week beside a date, in full and shortened.
var weekdays = set(`monday mon tuesday tue tues wednesday wed thursday thu thur thurs friday fri saturday sat sunday sun
	montag mo dienstag di mittwoch mi donnerstag do freitag fr samstag sa sonnabend sonntag so
	lundi lun mardi mar mercredi mer jeudi jeu vendredi ven samedi sam dimanche dim lunes martes miércoles mie mié jueves jue viernes vie sábado sab sáb domingo dom
	lunedì martedì mercoledì giovedì gio venerdì sabato domenica segunda feira seg terça ter quarta qua quinta qui sexta sex
	maandag ma dinsdag woensdag wo donderdag vrijdag vr zaterdag za zondag zo mandag man tirsdag tir tirs onsdag ons torsdag tor tors fredag fre lørdag lør søndag søn
	måndag mån tisdag tis lördag lör söndag sön maanantai tiistai ti keskiviikko ke torstai to perjantai pe lauantai la sunnuntai su
	pondělí po úterý út středa st čtvrtek čt pátek pá sobota neděle ne poniedziałek pon pn wtorek wt środa śr czwartek czw piątek pt niedziela nd
	hétfő kedd szerda csütörtök péntek szombat vasárnap pazartesi salı çarşamba perşembe cuma cumartesi pazar
	понедельник пн вторник вт среда ср четверг чт пятница пт суббота сб воскресенье вс 月 火 水 木 金 土 日 월 화 수 목 금 토 일
	月曜日 火曜日 水曜日 木曜日 金曜日 土曜日 日曜日 星期一 星期二 星期三 星期四 星期五 星期六 星期日 周一 周二 周三 周四 周五 周六 周日 월요일 화요일 수요일 목요일 금요일 토요일 일요일`)

// betweenDate are words between the parts of a date: 3 de septiembre de 2026.
var betweenDate = set(`de del of the den le el il dei d. г года р. року uhr kello`)

// monthOf reads a month's name or abbreviation in any of the languages: 1 to
// 12, 0 for what is none.
func monthOf(word string) int {
	if len(word) < 3 || len(word) > 30 {
		return 0
	}
	return months[fold(word)]
}
