"""People's names as they are in life: skewed, of several cultures, with nicknames.

The lists are ordered from common to rare; `sandbox.world.draw` takes early entries more often, so
that some family names are shared by many and most by few. Written down for Leadloop; no person
is meant.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Culture:
    """Given and family names that go together, and where their bearers mostly live.

    `rare_starts` and `rare_ends` make the long tail of rare family names, mostly after places.
    """

    name: str
    given: tuple[str, ...]
    family: tuple[str, ...]
    countries: tuple[str, ...]
    rare_starts: tuple[str, ...] = ()
    rare_ends: tuple[str, ...] = ()


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.replace("_", " ") for word in text.split())


ENGLISH = Culture(
    "english",
    _words(
        "James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara "
        "Richard Susan Joseph Jessica Thomas Sarah Christopher Karen Charles Lisa Daniel Nancy "
        "Matthew Margaret Anthony Sandra Mark Ashley Steven Kimberly Andrew Emily Paul Donna "
        "Joshua Michelle Kenneth Carol Kevin Amanda Brian Melissa Timothy Deborah Ronald "
        "Stephanie Jason Rebecca George Laura Edward Helen Jeffrey Cynthia Ryan Amy Jacob Angela "
        "Nicholas Kathleen Gary Anna Eric Shirley Jonathan Emma Stephen Ruth Larry Nicole Justin "
        "Christine Scott Catherine Brandon Samantha Benjamin Debra Samuel Rachel Gregory Carolyn "
        "Alexander Janet Patrick Maria Frank Olivia Raymond Heather Jack Diane Dennis Julie Jerry "
        "Joyce Tyler Victoria Aaron Kelly Adam Christina Nathan Joan Henry Evelyn Douglas Lauren "
        "Zachary Judith Peter Megan Kyle Andrea Walter Cheryl Ethan Hannah Jeremy Jacqueline "
        "Harold Martha Keith Gloria Christian Teresa Roger Ann Noah Sara Gerald Madison Terry "
        "Frances Sean Kathryn Austin Janice Arthur Jean Lawrence Abigail Jesse Alice Dylan Julia "
        "Bryan Judy Joe Sophia Billy Grace Bruce Denise Albert Amber Gabriel Doris Logan Marilyn "
        "Alan Danielle Wayne Beverly Roy Isabella Ralph Theresa Randy Diana Eugene Natalie "
        "Vincent Brittany Russell Charlotte Louis Marie Philip Kayla Bobby Alexis Johnny Lori "
        "Bradley Imogen Callum Freya Alistair Poppy Rhys Bronwen Hamish Fiona Duncan Isla Rory "
        "Saoirse Declan Niamh Cormac Orla Gavin Harriet Rupert Georgina Nigel Tamsin Clive Gemma"
    ),
    _words(
        "Smith Johnson Williams Brown Jones Miller Davis Wilson Anderson Taylor Thomas Moore "
        "Martin Jackson Thompson White Harris Clark Lewis Robinson Walker Young Allen King Wright "
        "Scott Hill Green Adams Nelson Baker Hall Campbell Mitchell Carter Roberts Phillips Evans "
        "Turner Parker Collins Edwards Stewart Morris Murphy Cook Rogers Morgan Cooper Peterson "
        "Reed Bailey Bell Kelly Howard Ward Cox Richardson Wood Watson Brooks Bennett Gray James "
        "Hughes Price Myers Long Foster Sanders Ross Sullivan Powell Russell Jenkins Perry Butler "
        "Barnes Fisher Henderson Coleman Simmons Patterson Jordan Reynolds Hamilton Graham "
        "Wallace Cole West Bryant Gibson Ellis Stevens Murray Ford Marshall Owens McDonald "
        "Harrison Kennedy Wells Woods Webb Tucker Freeman Burns Crawford Porter Gordon Hunter "
        "Hicks Dixon Hunt Palmer Robertson Holmes Stone Boyd Mills Warren Fox Rose Rice Moran "
        "Nicholls Fletcher Pearce Barker Doyle Gallagher Fitzgerald OBrien O'Connor O'Neill "
        "MacLeod MacKenzie Sinclair Buchanan Lockwood Ashworth Hargreaves Fairclough Pemberton "
        "Whitaker Holloway Blackwood Thornton Merrick Ainsworth Cavendish Radcliffe Winslow "
        "Langley Penhaligon Trevithick Llewellyn Pritchard Gwynne Haverford Dunmore Kingsley "
        "Atherton Beckett Carmichael Drummond Elphinstone Farquhar Galbraith Hathaway Inglewood "
        "Jessop Kirkbride Lightfoot Marchbanks Netherwood Oakshott Postlethwaite Quennell "
        "Ramsbottom Satterthwaite Tillotson Umpleby Vickery Wolstenholme Yardley Smith-Jones"
    ),
    ("US", "GB", "AU", "US"),
    _words(
        "Ash Brad Brack Bur Carl Chat Crom Dal Den East Fair Fen Gar Green Hal Har Hazel Hol Kel "
        "Lang Lin Lock Marl Mid Mor Nor Oak Pen Rad Red Rock Sel Shel Stan Stock Sut Thorn Wal "
        "War Wes Wick Win Wood Wyn Had Bex Cul Dray Ever Fox Gold Hart Ing Kirk Lever Mat New"
    ),
    _words(
        "bourne bridge bury by combe cote croft dale den field ford gate grave ham hurst land "
        "leigh ley low mere more ridge sley stead stock ton wall ward well wick wood worth"
    ),
)

GERMAN = Culture(
    "german",
    _words(
        "Thomas Michael Andreas Stefan Christian Peter Sabine Susanne Petra Monika Claudia Martin "
        "Markus Frank Anna Julia Katharina Jürgen Wolfgang Klaus Uwe Bernd Matthias Sebastian "
        "Tobias Florian Lukas Jonas Felix Maximilian Leon Paul Lena Laura Lea Sophie Johanna "
        "Franziska Nicole Stefanie Birgit Gabriele Renate Ursula Heike Anja Silke Kerstin Jutta "
        "Karin Ingrid Helga Dieter Manfred Günter Hans Werner Ralf Jörg Sven Torsten Dirk Holger "
        "Volker Rainer Heinz Friedrich Hannes Moritz Benedikt Greta Frieda Mathilda Antonia"
    ),
    _words(
        "Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch "
        "Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann Braun Krüger Hofmann "
        "Hartmann Lange Schmitt Werner Krause Meier Lehmann Schmid Schulze Maier Köhler Herrmann "
        "König Walter Mayer Huber Kaiser Fuchs Peters Lang Scholz Möller Weiß Jung Hahn Schubert "
        "Vogel Friedrich Keller Günther Frank Berger Winkler Roth Beck Lorenz Baumann Franke "
        "Albrecht Schuster Simon Ludwig Böhm Winter Kraus Martin Schumacher Krämer Vogt Stein "
        "Jäger Otto Sommer Groß Seidel Heinrich Brandt Haas Schreiber Graf Dietrich Ziegler Kuhn "
        "Kühn Pohl Engel Horn Busch Bergmann Thiele Voigt Sauer Arnold Pfeiffer Rosenthal "
        "Lindemann Oppermann Hagedorn Wiesinger Kaltenbrunn Stolzenberg von_Hardenberg"
    ),
    ("DE",),
    _words(
        "Acker Alt Bach Berg Birk Brand Buch Dorn Eichen Eber Feld Finken Gold Grün Hage Hammer "
        "Hirsch Holz Kalten Kirch Kloster Königs Laub Linden Mittel Morgen Nieder Ober Rauten "
        "Reich Rosen Sand Schön Stein Stern Stein Tannen Wald Weiden Wester Wiesen Winter"
    ),
    _words(
        "bach bauer baum beck berg berger born brink bühl burg dorf feld felder hagen hof hofer "
        "mann meier müller reiter rieder scheid stein thal wald weber"
    ),
)

FRENCH = Culture(
    "french",
    _words(
        "Jean Marie Pierre Nathalie Michel Isabelle Philippe Sylvie Alain Catherine Nicolas "
        "Christophe Françoise Laurent Martine Frédéric Valérie Stéphane Sandrine Julien Céline "
        "David Aurélie Sébastien Émilie Thomas Camille Antoine Léa Mathieu Manon Alexandre Chloé "
        "Guillaume Inès Maxime Jade Hugo Louise Lucas Alice Théo Juliette Benoît Hélène Olivier "
        "Delphine Jérôme Véronique Thierry Brigitte Pascal Monique Didier Corinne Bruno Élodie "
        "Yves Solène Gaspard Clémence Étienne Margaux Rémi Agathe Jean-Luc Anne-Sophie"
    ),
    _words(
        "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel "
        "Lefebvre Leroy Roux David Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine "
        "Rousseau Vincent Muller Lefèvre Faure André Mercier Blanc Guérin Boyer Garnier Chevalier "
        "François Legrand Gauthier Garcia Perrin Robin Clément Morin Nicolas Henry Roussel "
        "Mathieu Gautier Masson Marchand Duval Denis Dumont Marie Lemaire Noël Meyer Dufour "
        "Meunier Brun Blanchard Giraud Joly Rivière Lucas Brunet Gaillard Barbier Arnaud "
        "Delacroix Beaumont Vasseur Charpentier Delaunay Montfort de_La_Tour Saint-Clair"
    ),
    ("FR",),
    _words("Beau Bel Bon Champ Château Clair Font Grand Haute Long Mont Neuf Roche Val Ville"),
    _words("bois champ court fort lieu mont pré rive roche val ville vert voir"),
)

HISPANIC = Culture(
    "hispanic",
    _words(
        "José María Juan Carmen Luis Ana Carlos Isabel Jesús Laura Antonio Cristina Manuel Marta "
        "Francisco Elena Javier Lucía Miguel Paula Alejandro Sofía Rafael Rosa Pedro Pilar Ángel "
        "Teresa Fernando Beatriz Diego Silvia Sergio Raquel Pablo Patricia Jorge Rocío Alberto "
        "Mónica Raúl Andrea Ramón Alba Enrique Irene Rubén Nuria Eduardo Gabriela Ricardo Valeria"
    ),
    _words(
        "García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez "
        "Ruiz Hernández Díaz Moreno Álvarez Muñoz Romero Alonso Gutiérrez Navarro Torres "
        "Domínguez Vázquez Ramos Gil Ramírez Serrano Blanco Molina Morales Suárez Ortega Delgado "
        "Castro Ortiz Rubio Marín Sanz Núñez Iglesias Medina Garrido Cortés Castillo Santos "
        "Lozano Guerrero Cano Prieto Méndez Cruz Calvo Gallego Vidal León Márquez Herrera Peña "
        "Flores Cabrera Campos Vega Fuentes Carrasco Diez Reyes Caballero Nieto Aguilar Pascual"
    ),
    ("US", "ES", "US"),
)

INDIAN = Culture(
    "indian",
    _words(
        "Rahul Priya Amit Anjali Rajesh Sunita Sanjay Pooja Vijay Neha Arjun Kavita Suresh Deepa "
        "Anil Lakshmi Ravi Meera Vikram Ananya Rohan Divya Kiran Asha Manoj Shreya Nikhil Rekha "
        "Aditya Geeta Harish Nisha Gaurav Swati Ashok Preeti Karthik Aishwarya Siddharth Ritu "
        "Varun Sneha Pradeep Usha Mohan Radhika Sandeep Padma Naveen Tara"
    ),
    _words(
        "Patel Singh Kumar Sharma Shah Gupta Khan Reddy Rao Desai Mehta Joshi Nair Iyer Das "
        "Mukherjee Banerjee Chatterjee Agarwal Verma Mishra Jain Chopra Kapoor Malhotra Bhatt "
        "Pillai Menon Naidu Krishnan Subramanian Venkatesan Iyengar Kulkarni Deshpande Choudhury "
        "Bose Sengupta Ghosh Saxena Srivastava Pandey Tiwari Trivedi Parekh Gandhi Kaur Gill"
    ),
    ("US", "GB", "AU"),
)

EAST_ASIAN = Culture(
    "east asian",
    _words(
        "Wei Li Jing Min Hui Ying Lei Xin Yan Hao Mei Jun Ming Lin Feng Tao Ping Hong Kai Yu "
        "Minh Linh Anh Thao Tuan Huong Hiroshi Yuki Kenji Akiko Takashi Yoko Satoshi Naomi "
        "Ji-woo Min-jun Seo-yeon Hyun Soo-jin Jae-won Grace Kevin Jason Vivian Eric Cindy"
    ),
    _words(
        "Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Kim Lee Park Choi Nguyen Tran Pham Le "
        "Hoang Tanaka Sato Suzuki Takahashi Watanabe Ito Yamamoto Nakamura Kobayashi Kato Xu Sun "
        "Ma Zhu Hu Guo He Lin Luo Zheng Liang Song Tang Deng Han Feng Jung Kang Cho Yoon Vo Dang"
    ),
    ("US", "AU", "GB"),
)

NORDIC_SLAVIC = Culture(
    "nordic and slavic",
    _words(
        "Lars Anna Erik Karin Anders Eva Johan Kristina Per Maria Nils Ingrid Magnus Astrid Olof "
        "Birgitta Henrik Sigrid Mikkel Freja Søren Mette Jens Kirsten Piotr Agnieszka Krzysztof "
        "Małgorzata Andrzej Katarzyna Tomasz Magdalena Paweł Joanna Marek Ewa Ivan Olga Dmitri "
        "Tatiana Milan Jana Petr Zuzana"
    ),
    _words(
        "Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Svensson Gustafsson "
        "Hansen Jensen Nielsen Pedersen Sørensen Rasmussen Lindberg Lindqvist Bergström Sandberg "
        "Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański "
        "Dąbrowski Novák Svoboda Dvořák Černý Procházka Horvat Ivanov Petrov Smirnov Volkov "
        "Halvorsen Kristiansen Ødegård Lundgren Ekström Holmqvist"
    ),
    ("DE", "GB", "US", "SE"),
)

ITALIAN = Culture(
    "italian",
    _words(
        "Marco Giulia Andrea Francesca Luca Chiara Matteo Sara Alessandro Martina Davide "
        "Valentina Francesco Silvia Lorenzo Elena Simone Federica Riccardo Alessia Stefano Paola "
        "Giovanni Giovanna Antonio Lucia Roberto Caterina Paolo Bianca Enzo Gianluca Ornella"
    ),
    _words(
        "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti "
        "De_Luca Mancini Costa Giordano Rizzo Lombardi Moretti Barbieri Fontana Santoro Mariani "
        "Rinaldi Caruso Ferrara Galli Martini Leone Longo Gentile Martinelli Vitale Lombardo "
        "Serra Coppola De_Santis D'Angelo Marchetti Parisi Villa Conte Ferraro Ferri Fabbri"
    ),
    ("US", "FR", "DE"),
)

CULTURES = (
    (ENGLISH, 50),
    (GERMAN, 13),
    (FRENCH, 9),
    (HISPANIC, 10),
    (INDIAN, 7),
    (EAST_ASIAN, 5),
    (NORDIC_SLAVIC, 3),
    (ITALIAN, 3),
)
"""Cultures with their share in a hundred people."""

_NICKNAMES = """
James:Jim,Jimmy,Jamie Robert:Bob,Rob,Bobby John:Jack,Johnny Michael:Mike,Mick Patricia:Pat,Trish
Jennifer:Jen,Jenny Linda:Lyn David:Dave Elizabeth:Liz,Beth,Betty,Lizzie William:Bill,Will,Billy
Barbara:Barb Richard:Rick,Dick,Rich Susan:Sue,Susie Joseph:Joe,Joey Jessica:Jess Thomas:Tom,Tommy
Christopher:Chris Charles:Charlie,Chuck Daniel:Dan,Danny Margaret:Maggie,Peggy,Meg Matthew:Matt
Anthony:Tony Sandra:Sandy Steven:Steve Kimberly:Kim Andrew:Andy,Drew Joshua:Josh Kenneth:Ken,Kenny
Michelle:Shelly Amanda:Mandy Melissa:Mel Timothy:Tim Deborah:Deb,Debbie Ronald:Ron,Ronnie
Stephanie:Steph Rebecca:Becky,Becca Edward:Ed,Eddie,Ted Jeffrey:Jeff Cynthia:Cindy Jacob:Jake
Nicholas:Nick Kathleen:Kathy Jonathan:Jon Stephen:Steve Christine:Chris,Tina Catherine:Cathy,Kate
Samantha:Sam Benjamin:Ben,Benny Samuel:Sam Gregory:Greg Alexander:Alex Patrick:Pat,Paddy
Raymond:Ray Victoria:Vicky,Tori Nathan:Nate Douglas:Doug Zachary:Zach Peter:Pete Megan:Meg
Jacqueline:Jackie Harold:Harry Martha:Marty Christina:Tina,Chris Teresa:Terri Gerald:Gerry
Frances:Fran Kathryn:Kathy,Kate Lawrence:Larry Abigail:Abby Albert:Al,Bert Gabriel:Gabe
Danielle:Dani Beverly:Bev Isabella:Bella,Izzy Theresa:Terri Eugene:Gene Natalie:Nat
Vincent:Vince Russell:Russ Philip:Phil Bradley:Brad Harriet:Hattie Georgina:Georgie
Katharina:Kathi Maximilian:Max Sebastian:Basti Franziska:Franzi Johanna:Hanna Stefanie:Steffi
Susanne:Susi Benedikt:Bene Friedrich:Fritz Matthias:Matze Alexandre:Alex Frédéric:Fred
Francisco:Paco José:Pepe Manuel:Manolo Alejandro:Alex Eduardo:Edu Enrique:Quique Isabel:Isa
Siddharth:Sid Aishwarya:Aish Vikram:Vik Alessandro:Ale Francesca:Franci Giovanni:Gianni
Magdalena:Magda Katarzyna:Kasia Agnieszka:Aga Małgorzata:Gosia Krzysztof:Krzysiek
"""

NICKNAMES: dict[str, tuple[str, ...]] = {
    formal: tuple(short.split(","))
    for formal, short in (entry.split(":") for entry in _NICKNAMES.split())
}
"""What people with a given name are called, most usual first."""
