import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContentCompressor;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.SplittableRandom;
import javax.net.SocketFactory;

/**
 * A server of netty's under connection bursts on loopback. protocol=echo sends bodies back as they
 * come, protocol=tls does so through BoringSSL, and protocol=http collects a body and sends it back
 * packed by gzip. Buffers are direct, pool=pooled or unpooled.
 */
final class NettyBursts implements Workload {
    private static final int BURST = 12;
    private static final int GZIP_LEVEL = 1;
    private static final int MAX_BODY = 1 << 20;

    private EventLoopGroup loops;
    private Burst burst;
    private Tls tls;
    private boolean isHttp;

    /** Sends back what comes. */
    @ChannelHandler.Sharable
    private static final class Echo extends ChannelInboundHandlerAdapter {
        @Override
        public void channelRead(ChannelHandlerContext context, Object message) {
            context.write(message);
        }

        @Override
        public void channelReadComplete(ChannelHandlerContext context) {
            context.flush();
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    /** Answers with the request's body, in a buffer of its own, and closes. */
    @ChannelHandler.Sharable
    private static final class Answer extends SimpleChannelInboundHandler<FullHttpRequest> {
        @Override
        protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request) {
            ByteBuf body = context.alloc().directBuffer(request.content().readableBytes());
            body.writeBytes(request.content());
            FullHttpResponse response =
                    new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK, body);
            response.headers().set("content-type", "text/plain").set("connection", "close")
                    .set("content-length", body.readableBytes());
            context.writeAndFlush(response)
                    .addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            context.close();
        }
    }

    @Override
    public void open(Settings settings) throws Exception {
        String protocol = settings.text("protocol", "echo");
        isHttp = protocol.equals("http");
        tls = protocol.equals("tls") ? new Tls(settings.folder()) : null;
        boolean isPooled = settings.text("pool", "pooled").equals("pooled");
        ByteBufAllocator allocator = isPooled
                ? PooledByteBufAllocator.DEFAULT : new UnpooledByteBufAllocator(true);
        loops = new NioEventLoopGroup(settings.number("loops", 4));
        Channel server = new ServerBootstrap().group(loops).channel(NioServerSocketChannel.class)
                .option(ChannelOption.SO_BACKLOG, 4096)
                .childOption(ChannelOption.ALLOCATOR, allocator)
                .childHandler(new ChannelInitializer<Channel>() {
                    @Override
                    protected void initChannel(Channel channel) {
                        fill(channel.pipeline());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0).sync().channel();
        burst = new Burst(tls == null ? SocketFactory.getDefault() : tls.clients(),
                (InetSocketAddress) server.localAddress(), isHttp, BURST);
    }

    private void fill(ChannelPipeline pipeline) {
        if (tls != null) {
            pipeline.addLast(tls.server().newHandler(pipeline.channel().alloc()));
        }
        if (isHttp) {
            pipeline.addLast(new HttpServerCodec(), new HttpContentCompressor(GZIP_LEVEL),
                    new HttpObjectAggregator(MAX_BODY), new Answer());
        } else {
            pipeline.addLast(new Echo());
        }
    }

    @Override
    public void operate(SplittableRandom random) throws IOException {
        burst.run(random);
    }

    @Override
    public void release() {
        // Connections are closed by the operations that opened them; the server stays.
    }

    @Override
    public void close() {
        loops.shutdownGracefully();
    }
}
