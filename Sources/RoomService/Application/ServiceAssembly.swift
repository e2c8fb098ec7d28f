import Agents
import HTTPServer
import Primitives
import Streaming

/// Puts together what answers requests, from the parts that all share.
struct ServiceAssembly {
    let settings: Settings
    let store: MeasuredStore
    let agents: AgentRegistry
    let files: StaticFiles
    let tracker: ActiveStreamTracker
    let cluster: Cluster?
    let backlog: StoreBacklog
    let readiness: Readiness
    let metrics: ServiceMetrics
    let serverMetrics: HTTPServerMetrics
    let instanceID: String
    let group: EventLoopGroup
    let time: any TimeSource
    let ids: any IdentifierGenerator
    let logger: Logger

    func service() -> (APIService, ChatService) {
        let rateLimiter = RateLimiter(settings.rateLimits, cluster: cluster, time: time)
        let reconnectDelay = ReconnectDelay(tracker: tracker, random: ids)
        let chat = chat(sessions(rateLimiter), rateLimiter)
        let web = WebRoutes(files)
        var groups = groups(chat, web, reconnectDelay)
        let documented = groups.flatMap(\.operations) + MetricsRoutes.operations
        groups.append(DocumentationRoutes(documented, limits: settings.server.limits, files: files))
        var router = Router<RouteHandler>()
        for group in groups { group.add(to: &router) }
        // The last one, as it tells of all the routes and of itself.
        let requestMetrics = RequestMetrics(routes: router.routes + [MetricsRoutes.route])
        metricsRoutes(requestMetrics).add(to: &router)
        let service = APIService(
            router: router,
            cors: CORS(settings.corsOrigins),
            requestIDs: RequestIDs(ids),
            rateLimiter: rateLimiter,
            reconnectDelay: reconnectDelay,
            notFoundPage: web.notFoundPage,
            requestMetrics: requestMetrics,
            metrics: metrics,
            time: time,
            logger: logger
        )
        return (service, chat)
    }

    private func sessions(_ rateLimiter: RateLimiter) -> SessionService {
        SessionService(
            store: store,
            rateLimiter: rateLimiter,
            ids: ids,
            time: time,
            roomLimit: settings.maxRoomsPerUser,
            timeout: settings.sessionTimeout,
            idleTime: settings.sessionIdle
        )
    }

    private func chat(_ sessions: SessionService, _ rateLimiter: RateLimiter) -> ChatService {
        ChatService(
            store: store,
            sessions: sessions,
            agents: agents,
            metrics: metrics,
            tracker: tracker,
            cluster: cluster,
            backlog: backlog,
            rateLimiter: rateLimiter,
            ids: ids,
            time: time,
            logger: logger,
            instanceID: instanceID,
            contextLimit: settings.contextMaxCharacters,
            answerLimit: settings.maxAnswer,
            logLimit: settings.streamLog,
            loopCount: group.loops.count
        )
    }

    private func groups(
        _ chat: ChatService,
        _ web: WebRoutes,
        _ reconnectDelay: ReconnectDelay
    ) -> [any RouteGroup] {
        let (sessions, rateLimiter) = (chat.sessions, chat.rateLimiter)
        let readers = StreamReaders(tracker, logger)
        return [
            ServiceRoutes(
                store: store,
                tracker: tracker,
                agents: agents,
                cluster: cluster,
                backlog: backlog,
                time: time,
                readiness: readiness,
                loopWatch: LoopWatch(group),
                page: web.page,
                logger: logger
            ),
            web,
            RoomRoutes(
                store: store,
                chat: chat,
                rateLimiter: rateLimiter,
                ids: ids,
                time: time,
                roomLimit: settings.maxRoomsPerUser
            ),
            SessionRoutes(store: store, sessions: sessions, chat: chat, rateLimiter: rateLimiter, time: time),
            ChatRoutes(chat: chat, time: time, reconnectDelay: reconnectDelay, readers: readers),
            ChatHistoryRoutes(store: store, sessions: sessions, agents: agents, tracker: tracker, time: time),
            OpenAIRoutes(chat: chat, startedAt: time.now, readers: readers),
        ]
    }

    private func metricsRoutes(_ requestMetrics: RequestMetrics) -> MetricsRoutes {
        MetricsRoutes(
            [metrics, requestMetrics, store.metrics],
            ProcessSource(group: group, store: store, logger: logger),
            StreamSource(
                tracker: tracker,
                backlog: backlog,
                store: store,
                server: serverMetrics,
                memoryLimit: settings.streamMemory
            ),
            cluster: cluster
        )
    }
}
