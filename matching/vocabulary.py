"""Word lists of matching: values that are no evidence, and words that mean the same.

Lists are our own, written from common practice; nothing here is a vendor's number.
"""

from __future__ import annotations

from types import MappingProxyType


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FREE_MAIL = _words("""
    gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de yahoo.it yahoo.es
    yahoo.com.au yahoo.com.br yahoo.ca yahoo.co.in yahoo.in yahoo.co.jp ymail.com rocketmail.com
    hotmail.com hotmail.co.uk hotmail.fr hotmail.de hotmail.it hotmail.es outlook.com outlook.de
    outlook.fr live.com live.co.uk live.fr live.de live.com.au msn.com icloud.com me.com mac.com
    aol.com aim.com gmx.de gmx.net gmx.at gmx.ch gmx.com web.de t-online.de freenet.de arcor.de
    posteo.de mailbox.org orange.fr wanadoo.fr free.fr laposte.net sfr.fr libero.it virgilio.it
    tin.it alice.it mail.ru yandex.ru yandex.com bk.ru inbox.ru list.ru qq.com 163.com 126.com
    sina.com foxmail.com naver.com daum.net hanmail.net proton.me protonmail.com pm.me
    tutanota.com tuta.io fastmail.com fastmail.fm hey.com zoho.com comcast.net verizon.net att.net
    sbcglobal.net bellsouth.net cox.net charter.net earthlink.net btinternet.com sky.com
    virginmedia.com ntlworld.com talktalk.net bigpond.com bigpond.net.au optusnet.com.au
    iinet.net.au rogers.com shaw.ca sympatico.ca telus.net telenet.be skynet.be ziggo.nl
    kpnmail.nl xs4all.nl bluewin.ch hispeed.ch telia.com wp.pl o2.pl onet.pl interia.pl seznam.cz
    centrum.cz uol.com.br bol.com.br terra.com.br rediffmail.com duck.com mail.com email.com
    usa.net juno.com example.com example.org example.net
""")
"""Domains anybody can have an address in: no evidence of an employer."""

ROLE_LOCALS = _words("""
    info sales contact contacts office admin administrator support help helpdesk service services
    hello hi mail email enquiries enquiry inquiries inquiry marketing accounts accounting billing
    invoice invoices finance hr jobs careers recruiting team webmaster postmaster hostmaster abuse
    noreply no-reply donotreply do-not-reply reception newsletter news press media pr legal
    privacy security it itsupport orders order purchasing procurement reservations bookings
    customerservice customercare feedback kontakt buchhaltung vertrieb einkauf zentrale empfang
    buero bewerbung rechnung contacto ventas administracion contato vendas comercial commercial
    compta contabilita amministrazione accueil secretariat kundenservice bestellung all everyone
    staff general main partners partner members member shop store
""")
"""Local parts that name a desk, not a person."""


def _full_names(table: str) -> MappingProxyType[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for entry in table.split():
        full, _, short = entry.partition(":")
        for name in short.split(","):
            found.setdefault(name, set()).add(full)
    return MappingProxyType({name: frozenset(full) for name, full in found.items()})


FULL_NAMES = _full_names("""
    catherine:kate,katie,cat,kitty,kay,kit katharina:kathi,kati,katja,kaethe,ina
    kathryn:kate,kathy,katie margaret:meg,peggy,maggie,greta,daisy elizabeth:liz,beth,betty,libby
    alexander:alex,sasha,xander,lex,alec alexandra:alex,sandra,sasha,lexi alexandre:alex
    alejandro:alex,ale,jandro alessandro:ale,sandro alessandra:ale,sandra aleksandra:ola,sasha
    anthony:tony,ant antonio:tony,tonio,tonino,toni antoine:toni anton:toni john:jack,johnny
    sebastian:basti,seb,bastian,wastl maximilian:max,maxi johannes:hannes,hans,jo,johann
    johanna:hanna,hanne,jo joachim:jochen,achim,jo matthias:matze,hias,matti michael:michi,micha
    friedrich:fritz,fred,frieder frederic:fred frederick:fred,freddie,rick heinrich:heinz,heiner
    georg:schorsch,joerg benedikt:bene,benni benjamin:ben,benny,benji ludwig:lutz,wiggerl
    josef:sepp,jupp,beppo joseph:joe,jo,joey giuseppe:beppe,peppe,pino joao:joca jose:pepe,chepe
    wolfgang:wolfi,wolf ulrich:uli,ulli ulrike:uli,ulli,rike andreas:andi,andy,anderl
    christian:chris,christl stefan:steff,stevie stefanie:steffi,steffie stephanie:steph,steffi
    susanne:susi,sanne,suse franziska:franzi,sissi,ziska francesca:franci,cesca,checca
    francesco:checco,franco,cecco francisco:paco,pancho,paquito,kiko,curro francisca:paca,paqui
    francois:fanfan guillermo:memo,guille ignacio:nacho enrique:quique,kike,rique jesus:chuy,chus
    manuel:manolo,manu,lolo manuela:manu,manoli dolores:lola,loli guadalupe:lupe,lupita
    concepcion:concha,conchita rosario:charo mercedes:merche,meche eduardo:edu,lalo,dudu
    rafael:rafa,rafi roberto:beto,berto alberto:beto,berto,tito luis:lucho vicente:chente
    santiago:santi,chago isabel:isa,chabela,chavela pilar:pili maria:mari,marie,mia teresa:tere,teri
    theresa:terri,tess,resi therese:resi giovanni:gianni,nino,vanni luigi:gigi,gino
    salvatore:toto,turi vincenzo:enzo,cenzo lorenzo:enzo,renzo katarzyna:kasia,kaska
    malgorzata:gosia,malgosia agnieszka:aga,agnes krzysztof:krzys,krzysiek,krzychu
    magdalena:magda,lena,leni joanna:asia,aska,jo tomasz:tomek jakub:kuba stanislaw:staszek,stas
    wojciech:wojtek piotr:piotrek andrzej:jedrek zbigniew:zbyszek ekaterina:katya,katja
    dmitri:dima,mitya vladimir:vova,volodya,vlad mikhail:misha nikolai:kolya sergei:seryozha
    tatiana:tanya,tanja anastasia:nastya,stacy natalia:natasha,nat,tasha natalie:nat,tali
    dominique:domi jacqueline:jackie,jacqui philippe:phil,filou nicolas:nico,nick nicole:nicky,nici
    nikolaus:klaus,niko,nick lawrence:larry,laurie,loz gregory:greg siddharth:sid vikram:vik,vicky
    krishnan:krish subramaniam:subbu,mani venkatesh:venky,venkat rajesh:raj,raju
    lakshmi:laxmi,lucky mohammed:mo,moh,hamada muhammad:mo,moh johan:hasse,jojje lars:lasse
    karl:kalle,charly bengt:benke anders:ante gustav:gus,gustl willem:wim,pim cornelis:kees,cor
    hendrik:henk,rik jan:janneke pieter:piet
    samuel:sam samantha:sam theodore:ted,theo,teddy edward:ted,ned,ed,eddie harold:harry,hal
    henry:harry,hank,hal patrick:paddy,pat,rick patricia:trish,pat,tricia,patsy,patty
    victoria:vicky,tori,vic abigail:abby,gail isabella:bella,izzy,isa zachary:zach,zac
    nathaniel:nate,nat,nathan nathan:nate bradley:brad russell:russ,rusty vincent:vince,vinny
    danielle:dani,dany beverly:bev harriet:hattie georgina:georgie,gina eugene:gene
    charlotte:lottie,charlie,lotte andrew:drew,andy deborah:deb,debbie,debs amanda:mandy
    melissa:mel,missy melanie:mel,melli kimberly:kim michelle:shelly,chelle
    william:wm,willm thomas:thos john:jno,jn charles:chas,chs george:geo james:jas robert:robt
    joseph:jos samuel:saml richard:richd,rich edward:edwd benjamin:benj daniel:danl
    elizabeth:eliz,elizth margaret:margt catherine:cath,cathe frederick:fredk alexander:alexr
    nathaniel:nathl abraham:abm andrew:andw susanna:susa matthew:matt,matw
""")
"""Full names by what people are called for short: what the library of English nicknames lacks."""

PLACEHOLDER_WORDS = _words("""
    n/a n.a. n.a none null nil unknown undefined tbd tba tbc test tester testing xxx xxxx xx asdf
    qwerty blank empty anonymous placeholder dummy sample fake firstname lastname surname
    not_provided notprovided [notprovided] [not-provided] (none) (blank) nobody noname ? ?? ??? -
    -- --- . .. ... * x 0 00 000 1 unbekannt inconnu desconocido
""")
"""Values people type when they are made to type something; compared without spaces."""

PLACEHOLDER_COMPANIES = _words("""
    self selfemployed self-employed individual freelance freelancer private privat personal
    household home student retired unemployed company mycompany nocompany independent consultant
""")

COMPANY_WORDS = MappingProxyType(
    {
        "intl": "international",
        "int'l": "international",
        "corp": "corporation",
        "co": "company",
        "bros": "brothers",
        "mfg": "manufacturing",
        "svcs": "services",
        "svc": "service",
        "tech": "technology",
        "technologies": "technology",
        "sys": "systems",
        "assoc": "associates",
        "grp": "group",
        "mgmt": "management",
        "natl": "national",
        "univ": "university",
        "&": "and",
        "+": "and",
        "und": "and",
        "et": "and",
        "y": "and",
    }
)

COMPANY_TAILS = _words("""
    company corporation incorporated limited inc ltd llc llp lp plc corp co gmbh ag kg kgaa ohg gbr
    ug sa sas sarl srl spa bv nv ab as asa aps oy oyj pty pvt group holding holdings kk sl se ev
    mbh and the cie ltda eirl
""")
"""Words that may end a company's name without changing whose name it is."""

STREET_WORDS = MappingProxyType(
    {
        "street": "st",
        "str": "st",
        "strasse": "st",
        "avenue": "ave",
        "av": "ave",
        "road": "rd",
        "boulevard": "blvd",
        "drive": "dr",
        "drv": "dr",
        "lane": "ln",
        "court": "ct",
        "crt": "ct",
        "place": "pl",
        "plc": "pl",
        "square": "sq",
        "terrace": "tce",
        "terr": "tce",
        "ter": "tce",
        "crescent": "cres",
        "cr": "cres",
        "circuit": "cct",
        "circle": "cir",
        "close": "cl",
        "parade": "pde",
        "highway": "hwy",
        "parkway": "pkwy",
        "grove": "gr",
        "north": "n",
        "south": "s",
        "east": "e",
        "west": "w",
        "apartment": "apt",
        "suite": "ste",
        "floor": "fl",
        "building": "bldg",
        "saint": "st",
        "mount": "mt",
        "number": "",
        "no": "",
    }
)

COUNTRIES = MappingProxyType(
    {
        "united states": "US",
        "united states of america": "US",
        "usa": "US",
        "america": "US",
        "united kingdom": "GB",
        "uk": "GB",
        "great britain": "GB",
        "england": "GB",
        "scotland": "GB",
        "wales": "GB",
        "northern ireland": "GB",
        "australia": "AU",
        "germany": "DE",
        "deutschland": "DE",
        "austria": "AT",
        "osterreich": "AT",
        "switzerland": "CH",
        "schweiz": "CH",
        "suisse": "CH",
        "france": "FR",
        "italy": "IT",
        "italia": "IT",
        "spain": "ES",
        "espana": "ES",
        "portugal": "PT",
        "netherlands": "NL",
        "the netherlands": "NL",
        "holland": "NL",
        "nederland": "NL",
        "belgium": "BE",
        "luxembourg": "LU",
        "denmark": "DK",
        "sweden": "SE",
        "norway": "NO",
        "finland": "FI",
        "iceland": "IS",
        "ireland": "IE",
        "poland": "PL",
        "polska": "PL",
        "czechia": "CZ",
        "czech republic": "CZ",
        "slovakia": "SK",
        "hungary": "HU",
        "romania": "RO",
        "bulgaria": "BG",
        "greece": "GR",
        "turkey": "TR",
        "ukraine": "UA",
        "russia": "RU",
        "canada": "CA",
        "mexico": "MX",
        "brazil": "BR",
        "brasil": "BR",
        "argentina": "AR",
        "chile": "CL",
        "colombia": "CO",
        "peru": "PE",
        "india": "IN",
        "china": "CN",
        "hong kong": "HK",
        "taiwan": "TW",
        "japan": "JP",
        "south korea": "KR",
        "korea": "KR",
        "singapore": "SG",
        "malaysia": "MY",
        "thailand": "TH",
        "vietnam": "VN",
        "indonesia": "ID",
        "philippines": "PH",
        "new zealand": "NZ",
        "south africa": "ZA",
        "nigeria": "NG",
        "kenya": "KE",
        "egypt": "EG",
        "israel": "IL",
        "saudi arabia": "SA",
        "united arab emirates": "AE",
        "uae": "AE",
        "pakistan": "PK",
    }
)

STATES = MappingProxyType(
    dict.fromkeys(
        _words("""
        al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm
        ny nc nd oh ok or pa ri sc sd tn tx ut vt va wv wi wy dc alabama alaska arizona arkansas
        california colorado connecticut delaware florida georgia hawaii idaho illinois indiana iowa
        kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi
        missouri montana nebraska nevada ohio oklahoma oregon pennsylvania tennessee texas utah
        vermont virginia washington wisconsin wyoming
        """),
        "US",
    )
    | dict.fromkeys(_words("nsw vic qld tas act queensland victoria tasmania"), "AU")
    | dict.fromkeys(_words("ontario quebec alberta manitoba saskatchewan qc bc ab mb sk ns"), "CA")
)
"""Country told by a state's name or code where no country is given. `wa`, `sa` and `nt` are left
out: they are states of two countries."""
