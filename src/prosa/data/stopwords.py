"""Function words of Portuguese and English: they say which language a text is in, and little else.

Written for this project: articles, prepositions and their contractions, pronouns, conjunctions,
auxiliary verbs and common adverbs. None of the installed libraries ships a list.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PORTUGUESE = _words("""
    a à às ao aos as o os um uma uns umas de do da dos das dum duma duns dumas em no na nos nas
    num numa nuns numas por pelo pela pelos pelas para pra pro per com sem sob sobre entre até
    após desde contra perante durante mediante segundo conforme ante trás e ou mas nem porém
    contudo todavia entretanto portanto pois logo que se como quando enquanto porque porquanto
    embora caso conquanto senão quer ora quanto quanta quantos quantas eu tu ele ela você nós
    vós eles elas vocês me mim comigo te ti contigo lhe lhes si consigo conosco convosco vos meu
    minha meus minhas teu tua teus tuas seu sua seus suas nosso nossa nossos nossas vosso vossa
    vossos vossas dele dela deles delas este esta estes estas isto esse essa esses essas isso
    aquele aquela aqueles aquelas aquilo deste desta destes destas disto desse dessa desses
    dessas disso daquele daquela daqueles daquelas daquilo neste nesta nestes nestas nisto nesse
    nessa nesses nessas nisso naquele naquela naqueles naquelas naquilo àquele àquela àqueles
    àquelas àquilo quem qual quais cujo cuja cujos cujas onde aonde donde algum alguma alguns
    algumas nenhum nenhuma nenhuns nenhumas todo toda todos todas tudo outro outra outros outras
    muito muita muitos muitas pouco pouca poucos poucas mesmo mesma mesmos mesmas próprio
    própria tal tais tanto tanta tantos tantas cada qualquer quaisquer alguém ninguém algo nada
    mais menos já ainda sempre nunca jamais também só somente apenas não sim talvez assim então
    aqui aí ali lá cá agora hoje antes depois bem mal tão quase ser sou és é somos sois são era
    eras éramos eram fui foste foi fomos foram fora fôramos serei será seremos serão seria
    seríamos seriam seja sejamos sejam fosse fôssemos fossem for formos forem sendo sido estar
    estou está estamos estão estava estávamos estavam estive esteve estivemos estiveram estivera
    esteja estejamos estejam estivesse estivéssemos estivessem estiver estiverem estando estado
    ter tenho tens tem temos têm tinha tínhamos tinham tive teve tivemos tiveram tivera terei
    terá teremos terão teria teríamos teriam tenha tenhamos tenham tivesse tivéssemos tivessem
    tiver tivermos tiverem tendo tido haver hei há havemos hão havia haviam houve houvemos
    houveram houvera haja hajam houvesse houvessem houver houverem havendo havido
    """)

ENGLISH = _words("""
    a an the of in on at by for with about against between into through during before after
    above below to from up down out off over under again further then once here there when where
    why how all any both each few more most other some such no nor not only own same so than too
    very i me my mine myself we our ours ourselves you your yours yourself yourselves he him his
    himself she her hers herself it its itself they them their theirs themselves what which who
    whom whose this that these those am is are was were be been being have has had having do
    does did doing done will would shall should can could may might must ought and but if or
    because as until while just also though although however upon within without toward towards
    i'm you're he's she's it's we're they're i've you've we've they've i'd you'd he'd she'd we'd
    they'd i'll you'll he'll she'll we'll they'll isn't aren't wasn't weren't hasn't haven't
    hadn't doesn't don't didn't won't wouldn't shan't shouldn't can't cannot couldn't mustn't
    let's that's who's what's here's there's when's where's why's how's
    """)
