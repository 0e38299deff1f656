package statement

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// Encodings of East Asia write a character as two bytes, and one reads the other's bytes
// as characters too, rare ones. What is written often tells which it is.

// easternEncoding is an encoding with the letters of its language.
type easternEncoding struct {
	name   string
	code   encoding.Encoding
	common string // Chinese characters that are written often
	own    []*unicode.RangeTable
	rare   int // what a character of Chinese that is not common counts
}

var kana = []*unicode.RangeTable{unicode.Hiragana, unicode.Katakana}

var easternEncodings = []easternEncoding{
	{"gb18030", simplifiedchinese.GB18030, simplified, nil, -1},
	{"big5", traditionalchinese.Big5, traditional, nil, -1},
	{"shift_jis", japanese.ShiftJIS, kanji, kana, -1},
	{"euc-jp", japanese.EUCJP, kanji, kana, -1},
	{"euc-kr", korean.EUCKR, "", []*unicode.RangeTable{unicode.Hangul}, -4},
}

// What a character or a header's word counts for an encoding.
const (
	commonPoints = 4
	headerPoints = 12
	brokenPoints = -20
	otherPoints  = -6
)

const (
	simplified = "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市眼体别处总才场师书比住员九笑性通目华报立马命张活难神数件安表原车白应路期叫死常提感金何更反合放做系计或司利受光王果亲界及今京务制解各任至清物台象记边共风战干接它许八特觉望直服毛林题建南度统色字请交爱让认算论百吃义科怎元社术结六功指思非流每青管夫连远资队跟带花快条院变联言权往展该领传近留红治决周保达办运武半候七必城父强步完革深区即求品士转量空甚众技轻程告江语英基派满式李息写呢识极令黄德收脸钱党倒未持取设始版双历越史商千片容研像找友孩站广改议形委早房音火际则首单据导影失拿网香似斯专石若校读志飞观争究包组造落视济喜离虽付款账户余额摘易存支卡微宝消费超餐饮店购银充值退借贷笔末初止零食药租帐号缴险税券铁票油游医保养宠育健衣鞋"

	traditional = "的一是不了在人有我他這中大來上個國到說們為子和你地出道也時年得就那要下以生會自著去之過家學對可她里後小麼心多天而能好都然沒日於起還發成事只作當想看文無開手十用主行方又如前所本見經頭面公同三已老從動兩長知民樣現分將外但身些與高意進把法此實回二理美點月明其種聲全工己話兒者向情部正名定女問力機給等幾很業最間新什打便位因重被走電四第門相次東政海口使教西再平真聽世氣信北少關並內加化由代產入先山五太水萬市眼體別處總才場師書比住員九性通目華報立馬命張活難神數件安表原車白應路期常提感金何更反合放做系計或司利受光王果親界及今京務制解各任至清物台象記邊共風接它許八特覺望直服林題建南度統色字請交愛讓認算論百吃義科元社術結六功指思非流每青管連遠資隊帶花快條院變聯言權往展該領傳近留紅治決保達辦運半七必城父強步完深區即求品轉量空眾技輕程告江語英基滿式李息寫識極令黃收錢未持取設始版雙商千片容找友站廣改議形委早房音火際則首單據影失網香專石校讀飛觀包組視離付款帳戶餘額摘易存支卡消費超餐飲店購銀退借貸筆末初止零食藥租號繳險稅券鐵票油醫薪轉臺灣樓縣鄉鎮備註類惠優"

	kanji = "日一国人年大十二本中長出三時行見月後前生五間上東四今金九入学高円子外八六下来気小七山話女北午百書先名川千水半男西電校語土木聞食車何南万毎白天母火右読友左休父雨株式会社京都店支払料額取引残振込口座銀給与預摘要内容手数購利用明細現落税保険力道携帯通信家賃返済商事業部営所市区町村駅新宿横浜阪古屋福岡海神戸仙台薬局病院堂酒花美室費共還付医療交期券備考項目分類決定自動機械便局郵宅配送荷物旅館温泉石油燃有限合同法公団地域開発建設工場販売製作印刷文具衣服靴鞄時計宝飾眼鏡映画音楽遊園体育健康保育園小中高大学院塾教室本屋雑貨百均回数証発行更新登録申込解約入出転個別相談無茶麺牛肉魚鶏丼寿司弁当菓子飲和洋漢品加盟積立投資信託株主配当満利息定普総"
)

// easternDecoding finds the encoding of East Asia by which most of a text's characters
// are those written often. doubt is another that reads it nearly as well. Its points are
// comparable with those of plausibility; name is empty when none fits.
func easternDecoding(raw []byte) (name, doubt string, points int) {
	sample := raw[:min(len(raw), 64<<10)]
	if end := bytes.LastIndexByte(sample, '\n'); end > 0 && len(sample) < len(raw) {
		sample = sample[:end]
	}
	second, reading := 0, ""
	for _, e := range easternEncodings {
		text, err := e.code.NewDecoder().String(string(sample))
		if err != nil {
			continue
		}
		score, letters := e.score(text)
		switch {
		case letters == 0 || score < 2*letters:
		case score > points:
			if name != "" && text != reading {
				doubt, second = name, points
			}
			name, points, reading = e.name, score, text
		case score > second && text != reading:
			doubt, second = e.name, score
		}
	}
	if 10*second < 7*points {
		doubt = ""
	}
	return name, doubt, points
}

// score counts what speaks for an encoding, and how many letters beyond ASCII the text has.
func (e easternEncoding) score(text string) (score, letters int) {
	for _, r := range text {
		switch {
		case r < utf8.RuneSelf:
			continue
		case r == utf8.RuneError, unicode.Is(unicode.Co, r), unicode.IsControl(r):
			score += brokenPoints
		case !unicode.IsLetter(r):
			continue
		case unicode.In(r, e.own...) && (r < '\uff61' || r > '\uff9f'), e.common != "" && strings.ContainsRune(e.common, r):
			score += commonPoints
		case r >= '\uff61' && r <= '\uff9f': // half-width katakana are single bytes: any text has them in Shift_JIS
			score++
		case unicode.Is(unicode.Han, r):
			score += e.rare
		case r >= '\uff01' && r <= '\uff5e': // full-width letters
		default:
			score += otherPoints
		}
		letters++
	}
	for i, line := range strings.SplitN(text, "\n", 41) {
		if i == 40 {
			break
		}
		for _, cell := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(delimiters+`"`, r) }) {
			if folded := fold(cell); len(cell) <= maxShort && !ascii(folded) && len(wordsOf(folded)) == 1 && ascii(wordsOf(folded)[0]) {
				score += headerPoints
			}
		}
	}
	return score, letters
}
